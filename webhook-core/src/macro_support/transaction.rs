//! How a handler is called in a transaction.

use super::{ArgumentList, Arguments};
use crate::handler::{HandlerFuture, OpenTransaction, TransactionFuture, TransactionType};
use crate::{HandlerError, HandlerResult, Invocation, Requirements, Transaction};

/// What the expansion needs to know about a handler's transaction. It is made once, so that a type that is not a
/// transaction is reported once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Lending<T> {
    /// Adds what the transaction needs.
    pub needs: fn(&mut Requirements),
    /// Borrows a transaction of this type; `None` if it is of another.
    borrow: fn(&mut OpenTransaction) -> Option<&mut T>,
}

impl<T: Transaction> Lending<T> {
    /// Describes the type.
    #[expect(clippy::new_without_default, reason = "only a constant has it")]
    pub const fn new() -> Self {
        Self {
            needs: |needs| needs.transaction = Some(TransactionType::of::<T>()),
            borrow: OpenTransaction::borrow_as,
        }
    }
}

/// Calls the handler with its values and a transaction.
type CallInTransaction<A, T> =
    for<'t> fn(<A as ArgumentList>::Values, &'t mut T) -> TransactionFuture<'t, HandlerResult>;

impl<A: ArgumentList> Arguments<A> {
    /// Starts a run in a transaction: it begins after the other arguments are made, and ends after the handler has returned.
    pub fn start_in_transaction<T>(
        &'static self,
        invocation: Invocation,
        lending: &'static Lending<T>,
        call: CallInTransaction<A, T>,
    ) -> HandlerFuture {
        Box::pin(async move {
            // The start checks this, so only a caller that is not the server gets here.
            let manager = invocation.transactions.as_ref();
            let manager = manager.ok_or_else(|| HandlerError::park("this run cannot have a transaction"))?;
            loop {
                let values = self.list.wait(&invocation).await?;
                let mut transaction = manager.begin().await?;
                let returned = match (lending.borrow)(&mut transaction) {
                    Some(lent) => call(values, lent).await,
                    None => Err(HandlerError::park("the transaction is of another type")),
                };
                if let Some(ended) = manager.end(transaction, returned).await {
                    return ended;
                }
            }
        })
    }
}
