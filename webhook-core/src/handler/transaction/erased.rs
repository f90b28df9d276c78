//! Transactions whose type the server does not know.

use std::any::{Any, type_name};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;

use super::Transaction;
use crate::{HandlerError, HandlerResult, StateType, States};

/// The future of something that is done with a transaction.
pub type TransactionFuture<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// A transaction that has begun, of any type. Dropping it rolls it back.
pub struct OpenTransaction(Box<dyn Erased>);

impl OpenTransaction {
    /// Executes one statement, and returns the number of rows that it changed or returned.
    ///
    /// # Errors
    ///
    /// Fails if the statement does, or the connection.
    pub fn execute<'t>(
        &'t mut self,
        statement: &'t str,
        values: &'t [i64],
    ) -> TransactionFuture<'t, Result<u64, HandlerError>> {
        self.0.execute_boxed(statement, values)
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// Fails if the database says that it did not commit, or if its answer is not known.
    pub fn commit(self) -> TransactionFuture<'static, Result<(), HandlerError>> {
        self.0.commit_boxed()
    }

    /// Rolls back.
    pub fn rollback(self) -> TransactionFuture<'static, ()> {
        self.0.rollback_boxed()
    }

    /// Borrows the transaction as what it is; `None` if it is of another type.
    pub(crate) fn borrow_as<T: Transaction>(&mut self) -> Option<&mut T> {
        let any: &mut dyn Any = &mut *self.0;
        any.downcast_mut()
    }
}

impl fmt::Debug for OpenTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTransaction").finish_non_exhaustive()
    }
}

/// What every transaction can do, as a trait that can be an object.
trait Erased: Any + Send {
    fn execute_boxed<'t>(
        &'t mut self,
        statement: &'t str,
        values: &'t [i64],
    ) -> TransactionFuture<'t, Result<u64, HandlerError>>;
    fn commit_boxed(self: Box<Self>) -> TransactionFuture<'static, Result<(), HandlerError>>;
    fn rollback_boxed(self: Box<Self>) -> TransactionFuture<'static, ()>;
}

impl<T: Transaction> Erased for T {
    fn execute_boxed<'t>(
        &'t mut self,
        statement: &'t str,
        values: &'t [i64],
    ) -> TransactionFuture<'t, Result<u64, HandlerError>> {
        Box::pin(self.execute(statement, values))
    }

    fn commit_boxed(self: Box<Self>) -> TransactionFuture<'static, Result<(), HandlerError>> {
        Box::pin(self.commit())
    }

    fn rollback_boxed(self: Box<Self>) -> TransactionFuture<'static, ()> {
        Box::pin(self.rollback())
    }
}

/// Begins and ends the transaction of one run. The server implements it, and gives it to
/// [`Invocation::in_transactions`](crate::Invocation::in_transactions).
pub trait TransactionManager: fmt::Debug + Send + Sync {
    /// Begins the transaction that the handler is called with.
    ///
    /// # Errors
    ///
    /// The run ends with the error.
    fn begin(&self) -> TransactionFuture<'_, Result<OpenTransaction, HandlerError>>;

    /// Ends the transaction after the handler has returned: commits it, or rolls it back. Returns how the run ended; `None`
    /// asks for another call of the handler, in another transaction.
    fn end(
        &self,
        transaction: OpenTransaction,
        returned: HandlerResult,
    ) -> TransactionFuture<'_, Option<HandlerResult>>;
}

/// The type of a transaction that a handler takes.
#[derive(Clone, Copy)]
pub struct TransactionType {
    of: StateType,
    pool: StateType,
    begin: fn(&States) -> BeginFuture,
    sqlstate: for<'e> fn(&'e (dyn Error + 'static)) -> Option<Cow<'e, str>>,
}

type BeginFuture = TransactionFuture<'static, Result<OpenTransaction, HandlerError>>;

impl TransactionType {
    /// Returns the transaction type of `T`.
    pub fn of<T: Transaction>() -> Self {
        Self {
            of: StateType::of::<T>(),
            pool: StateType::of::<T::Pool>(),
            begin: begin::<T>,
            sqlstate: T::sqlstate,
        }
    }

    /// Returns the type's name, including its path.
    pub fn name(&self) -> &'static str {
        self.of.name()
    }

    /// Returns the type of its pool, which must be a state of the application.
    pub fn pool(&self) -> StateType {
        self.pool
    }

    /// Begins a transaction on the application's pool.
    ///
    /// The future must be awaited to its end: see [`Transaction::begin`].
    pub fn begin(&self, states: &States) -> BeginFuture {
        (self.begin)(states)
    }

    /// Returns the SQLSTATE of an error: that of the first in its chain of sources which has one.
    pub fn sqlstate<'e>(&self, error: &'e HandlerError) -> Option<Cow<'e, str>> {
        let mut cause: Option<&'e (dyn Error + 'static)> = Some(error.cause());
        while let Some(this) = cause {
            if let Some(found) = (self.sqlstate)(this) {
                return Some(found);
            }
            cause = this.source();
        }
        None
    }
}

fn begin<T: Transaction>(states: &States) -> BeginFuture {
    let Some(pool) = states.get::<T::Pool>() else {
        // The start checks this.
        return Box::pin(ready(Err(HandlerError::park(format!(
            "the application has no state of type `{}`",
            type_name::<T::Pool>()
        )))));
    };
    Box::pin(async move { Ok(OpenTransaction(Box::new(T::begin(&pool).await?))) })
}

/// Types are equal if their transactions are.
impl PartialEq for TransactionType {
    fn eq(&self, other: &Self) -> bool {
        self.of == other.of
    }
}

impl Eq for TransactionType {}

impl fmt::Debug for TransactionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
