//! Transactions of [tokio-postgres](tokio_postgres), with a pool of [deadpool](deadpool_postgres), for the handlers of Stripe
//! webhooks.
//!
//! What a handler changes with its [`Tx`] and the end of its task are committed together: both happen, or neither does.
//!
//! ```
//! use webhook_core::{Event, on_event};
//! use webhook_postgres::Tx;
//!
//! /// Marks an order as paid, exactly once.
//! #[on_event("payment_intent.succeeded")]
//! async fn fulfil(event: Event, tx: &mut Tx) -> Result<(), tokio_postgres::Error> {
//!     let order = event.object["metadata"]["order_id"].as_str();
//!     tx.execute("UPDATE orders SET paid = true WHERE id = $1", &[&order]).await?;
//!     note(tx).await
//! }
//!
//! /// As any function of the application, it takes the driver's own client.
//! async fn note(db: &tokio_postgres::Client) -> Result<(), tokio_postgres::Error> {
//!     db.execute("INSERT INTO notes (text) VALUES ('paid')", &[]).await?;
//!     Ok(())
//! }
//! ```
//!
//! The application has its pool as a state: `App::new().state(pool)`, a [`deadpool_postgres::Pool`] of the database that has
//! the inbox. A run waits for a connection as long as the pool's own timeout says, or 30 seconds if it has none.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::runtime::Handle;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use webhook_core::{HandlerError, Transaction};

/// How long a run waits for a connection if the pool does not say.
const WAIT: Duration = Duration::from_secs(30);

/// A transaction that a handler takes as `&mut Tx`. It is begun and ended for the handler.
///
/// It dereferences to a [`Client`]. That cannot begin another transaction on it; for a savepoint, execute `SAVEPOINT` and
/// `ROLLBACK TO`.
///
/// A handler that ends the transaction itself, with `COMMIT` or `ROLLBACK` as SQL, is found out: its task is parked.
pub struct Tx {
    /// `None` when the transaction has ended.
    connection: Option<Object>,
}

impl Tx {
    /// Runs a statement that ends the transaction. If it fails, the connection does not return to the pool.
    async fn end(mut self, statement: &str) -> Result<(), tokio_postgres::Error> {
        let ended = self.batch_execute(statement).await;
        if let Some(connection) = self.connection.take()
            && ended.is_err()
        {
            drop(Object::take(connection));
        }
        ended
    }
}

impl Transaction for Tx {
    type Pool = Pool;

    async fn begin(pool: &Pool) -> Result<Self, HandlerError> {
        let mut timeouts = pool.timeouts();
        timeouts.wait.get_or_insert(WAIT);
        let transaction = Self { connection: Some(pool.timeout_get(&timeouts).await?) };
        transaction.batch_execute("BEGIN").await?;
        Ok(transaction)
    }

    async fn execute(&mut self, statement: &str, values: &[i64]) -> Result<u64, HandlerError> {
        let values: Vec<(&(dyn ToSql + Sync), Type)> =
            values.iter().map(|value| (value as _, Type::INT8)).collect();
        Ok(self.execute_typed(statement, &values).await?)
    }

    async fn commit(self) -> Result<(), HandlerError> {
        Ok(self.end("COMMIT").await?)
    }

    async fn rollback(self) {
        let _ = self.end("ROLLBACK").await;
    }

    fn sqlstate<'e>(error: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
        let code = error.downcast_ref::<tokio_postgres::Error>()?.code()?;
        Some(Cow::Borrowed(code.code()))
    }
}

impl Deref for Tx {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.connection.as_ref().expect("only a drop leaves it without a connection")
    }
}

/// Rolls back what was not ended, after the statement that is under way. The connection returns to the pool then.
impl Drop for Tx {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(roll_back(connection))),
            // The server rolls back when the connection is closed.
            Err(_) => drop(Object::take(connection)),
        }
    }
}

/// Rolls back. The connection is closed if that fails, or if it is dropped before its end.
fn roll_back(connection: Object) -> impl Future<Output = ()> {
    let transaction = Unfinished(Some(connection));
    async move { transaction.roll_back().await }
}

/// A connection inside a transaction, which must not return to the pool.
struct Unfinished(Option<Object>);

impl Unfinished {
    async fn roll_back(mut self) {
        let Some(connection) = &self.0 else { return };
        if connection.batch_execute("ROLLBACK").await.is_ok() {
            drop(self.0.take());
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}
