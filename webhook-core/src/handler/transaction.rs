//! A transaction in the application's own database, as a handler's argument.

mod erased;

use std::error::Error;
use std::future::Future;

use std::borrow::Cow;

pub use self::erased::{OpenTransaction, TransactionFuture, TransactionManager, TransactionType};
use crate::__private::Lending;
use crate::{HandlerError, StateValue};

/// A database transaction that a handler takes as `&mut T`: its changes and the end of its task are committed together.
///
/// `webhook-sqlx` and `webhook-postgres` have such types, both named `Tx`. Implement this trait for another driver of
/// PostgreSQL:
///
/// ```
/// use std::borrow::Cow;
/// use std::error::Error;
///
/// use webhook_core::{Event, HandlerError, Transaction, on_event};
///
/// # mod driver {
/// #     pub type Failed = std::io::Error;
/// #     #[derive(Clone)] pub struct Pool;
/// #     pub struct Connection;
/// #     impl Pool { pub async fn get(&self) -> Result<Connection, Failed> { Ok(Connection) } }
/// #     impl Connection {
/// #         pub async fn query(&mut self, _: &str, _: &[i64]) -> Result<u64, Failed> { Ok(1) }
/// #         pub fn close(&mut self) {}
/// #     }
/// #     pub fn code(_: &Failed) -> Option<&str> { None }
/// # }
/// /// A transaction; `None` when it has ended.
/// struct Tx(Option<driver::Connection>);
///
/// impl Transaction for Tx {
///     type Pool = driver::Pool;
///
///     async fn begin(pool: &Self::Pool) -> Result<Self, HandlerError> {
///         let mut transaction = Self(Some(pool.get().await?));
///         transaction.execute("BEGIN", &[]).await?;
///         Ok(transaction)
///     }
///
///     async fn execute(&mut self, statement: &str, values: &[i64]) -> Result<u64, HandlerError> {
///         let connection = self.0.as_mut().ok_or("the transaction has ended")?;
///         Ok(connection.query(statement, values).await?)
///     }
///
///     async fn commit(mut self) -> Result<(), HandlerError> {
///         self.execute("COMMIT", &[]).await?;
///         self.0.take(); // back to the pool
///         Ok(())
///     }
///
///     fn sqlstate<'e>(error: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
///         error.downcast_ref().and_then(driver::code).map(Cow::Borrowed)
///     }
/// }
///
/// /// Closes the connection of a transaction that has not ended: then the database rolls it back.
/// impl Drop for Tx {
///     fn drop(&mut self) {
///         if let Some(connection) = &mut self.0 {
///             connection.close();
///         }
///     }
/// }
///
/// /// Marks an order as paid, exactly once.
/// #[on_event("payment_intent.succeeded")]
/// async fn fulfil(event: Event, tx: &mut Tx) -> Result<(), HandlerError> {
///     tx.execute("UPDATE orders SET paid = true WHERE payment = $1", &[7]).await?;
///     # let _ = event;
///     Ok(())
/// }
/// ```
///
/// The server begins the transaction when the handler's other arguments have been extracted, lends it to the handler, has
/// it execute the statement that ends the task, and commits it. On an error, a panic or a timeout it is rolled back, also
/// where the error skips or parks the event.
///
/// **Dropping** it rolls it back: its changes are never committed, and its connection does not return to the pool before the
/// rollback. A transaction whose own future was dropped (`execute`, `commit`, or a query of the handler's) is dropped next.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transaction",
    label = "not a transaction",
    note = "a handler takes a transaction as `&mut Tx`, where `Tx` implements `Transaction`, such as `webhook_sqlx::Tx` and \
            `webhook_postgres::Tx`; it takes every other argument by value"
)]
pub trait Transaction: Sized + Send + 'static {
    /// Where it gets its connection: the application's pool, which the application has as a state.
    type Pool: StateValue;

    /// Takes a connection and begins a transaction on it.
    ///
    /// # Errors
    ///
    /// Fails if there is no connection, or not in time. The event is handled again later, unless the error says otherwise.
    ///
    /// # Cancel safety
    ///
    /// Not needed: the future is always awaited, in a task of its own, even if the run is cancelled. So waiting for the
    /// pool needs a limit here; 30 seconds are usual.
    fn begin(pool: &Self::Pool) -> impl Future<Output = Result<Self, HandlerError>> + Send;

    /// Executes one statement, whose parameters `$1`, `$2` … are of type `bigint`, and returns the number of rows that it
    /// changed or returned. It should not be prepared under a name.
    ///
    /// # Errors
    ///
    /// Fails if the statement does, or the connection.
    fn execute(
        &mut self,
        statement: &str,
        values: &[i64],
    ) -> impl Future<Output = Result<u64, HandlerError>> + Send;

    /// Commits.
    ///
    /// # Errors
    ///
    /// Fails if the database says that it did not commit, or if its answer is not known.
    fn commit(self) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// Rolls back. Waiting for the answer is what it has over a drop, which is the default.
    fn rollback(self) -> impl Future<Output = ()> + Send {
        async move { drop(self) }
    }

    /// Returns the five characters of an error's SQLSTATE, if it is an error of this driver's and the database sent it.
    ///
    /// The server asks for each error in the chain of sources, to see whether to repeat the transaction at once.
    fn sqlstate<'e>(error: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>>;

    /// What the expansion needs to know about this type. A type that is not a transaction lacks it, so the error is
    /// reported for this name alone.
    #[doc(hidden)]
    const LENDING: Lending<Self> = Lending::new();
}
