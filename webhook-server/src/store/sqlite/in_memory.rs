//! The database in memory: for tests and development. It has one connection, and each operation is done when its future
//! is made, so that a test's paused time never runs ahead of it.
//!
//! The statements and the schema are those of the file, so that tests and `dev` take the path that production takes.

use std::future::ready;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::configure;
use super::problem::store_error;
use super::recover::Live;
use super::schema::Schema;
use super::session::{Session, Stamp};
use super::writer::Urgency;
use super::{Database, Sqlite};
use crate::store::clock::StoreClock;
use crate::store::transactions::Transactions;
use crate::store::transactions::apart::Apart;
use crate::store::{OpenError, StoreError, StoreFuture};

/// A database that is lost with its process.
#[derive(Debug)]
pub(crate) struct InMemory {
    db: Mutex<Connection>,
    session: Session,
}

impl Sqlite<InMemory> {
    /// Makes an empty inbox that uses `clock`, or the system's clock if there is none.
    ///
    /// # Errors
    ///
    /// Fails if SQLite cannot make a database in memory.
    pub(crate) fn in_memory(clock: Option<StoreClock>) -> Result<Self, OpenError> {
        let made = || -> rusqlite::Result<Self> {
            let mut db = Connection::open_in_memory()?;
            configure(&mut db)?;
            Schema::None.bring_up_to_date(&mut db)?;
            let session = Session::begin(&db, clock)?;
            Ok(Self::new(InMemory { db: Mutex::new(db), session }))
        };
        made().map_err(OpenError::Memory)
    }

    /// The inbox as the next process would find it if this one had ended.
    #[cfg(test)]
    pub(crate) fn restarted(self, clock: StoreClock) -> Self {
        let db = self.database.db.into_inner().unwrap_or_else(PoisonError::into_inner);
        let session = Session::begin(&db, Some(clock)).expect("it can be written");
        Self::new(InMemory { db: Mutex::new(db), session })
    }
}

impl InMemory {
    /// Runs one operation in a transaction, which is rolled back if it fails.
    fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let done = db.transaction().and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(store_error)
    }
}

impl Database for InMemory {
    /// Does the job before it returns; the future is ready.
    fn write<T: Send + 'static>(
        &self,
        _urgency: Urgency,
        work: impl Fn(&Connection, Stamp<'_>) -> rusqlite::Result<T> + Send + 'static,
        _note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let stamp = self.session.stamp();
        Box::pin(ready(self.run(|db| work(db, stamp))))
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let now = self.session.stamp().now;
        Box::pin(ready(self.run(|db| work(db, now))))
    }

    /// Only `dev` and applications under test get here: a server with its inbox in memory refuses such handlers.
    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(&Apart)
    }
}
