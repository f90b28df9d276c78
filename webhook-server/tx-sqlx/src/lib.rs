//! Transactions of [sqlx](sqlx_core) 0.9, in PostgreSQL, for the handlers of Stripe webhooks.
//!
//! What a handler changes with its [`Tx`] and the end of its task are committed together: both happen, or neither does.
//!
//! ```
//! use webhook_core::{Event, on_event};
//! use webhook_sqlx::Tx;
//!
//! /// Marks an order as paid, exactly once.
//! #[on_event("payment_intent.succeeded")]
//! async fn fulfil(event: Event, tx: &mut Tx) -> Result<(), sqlx::Error> {
//!     let order = event.object["metadata"]["order_id"].as_str();
//!     sqlx::query("UPDATE orders SET paid = true WHERE id = $1").bind(order).execute(&mut *tx).await?;
//!     note(tx).await
//! }
//!
//! /// As any function of the application, it takes sqlx's own connection.
//! async fn note(db: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
//!     sqlx::query("INSERT INTO notes (text) VALUES ('paid')").execute(db).await?;
//!     Ok(())
//! }
//! ```
//!
//! The application has its pool as a state: `App::new().state(pool)`, a [`sqlx::PgPool`](PgPool) of the database that has the inbox.
//! A run waits for a connection as long as the pool's `acquire_timeout` says.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Either;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error as SqlxError;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::{AssertSqlSafe, SqlStr};
use sqlx_postgres::{PgConnection, PgPool, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use webhook_core::{HandlerError, Transaction};

/// A transaction that a handler takes as `&mut Tx`. It is begun and ended for the handler.
///
/// It is an [`Executor`] as `&mut *tx`, and dereferences to a [`PgConnection`]. `Connection::begin`
/// makes a savepoint.
///
/// A handler that ends the transaction itself, with `COMMIT` or `ROLLBACK` as SQL, is found out: its task is parked.
pub struct Tx(sqlx_core::transaction::Transaction<'static, Postgres>);

impl Transaction for Tx {
    type Pool = PgPool;

    async fn begin(pool: &PgPool) -> Result<Self, HandlerError> {
        Ok(Self(pool.begin().await?))
    }

    async fn execute(&mut self, statement: &str, values: &[i64]) -> Result<u64, HandlerError> {
        // The statements are the server's own.
        let mut query = sqlx_core::query::query(AssertSqlSafe(statement)).persistent(false);
        for value in values {
            query = query.bind(value);
        }
        Ok(query.execute(&mut *self.0).await?.rows_affected())
    }

    async fn commit(self) -> Result<(), HandlerError> {
        Ok(self.0.commit().await?)
    }

    async fn rollback(self) {
        // If that fails, the connection is closed, which rolls back as well.
        let _ = self.0.rollback().await;
    }

    fn sqlstate<'e>(error: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
        error.downcast_ref::<SqlxError>()?.as_database_error()?.code()
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

/// As sqlx's own connection.
impl<'c> Executor<'c> for &'c mut Tx {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, SqlxError>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        (&mut **self).fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, SqlxError>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        (&mut **self).fetch_optional(query)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, SqlxError>>
    where
        'c: 'e,
    {
        (&mut **self).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, SqlxError>>
    where
        'c: 'e,
    {
        (&mut **self).describe(sql)
    }
}

/// What the documentation shows compiles.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../../docs/transactions.md")]
    struct Transactions;
}
