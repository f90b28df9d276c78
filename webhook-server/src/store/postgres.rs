//! The store in PostgreSQL: several instances share an inbox, each with connections of its own.
//!
//! An [`Opener`] connects, and checks the server and its schema the first time. A [`Connection`](connection::Connection) runs
//! statements. Everything else here is statements.
//!
//! | for | files |
//! |---|---|
//! | opening | `open`, `opener`, `url`, `tls`, `requirements`, `schema` |
//! | calls | `connection`, `kept`, `values`, `texts` |
//! | problems | `problem` |
//!
//! The tables are in `migrations/`. A statement names the schema `webhook` and the present time `now_ms`; `texts` makes of
//! that what is sent. Statements are never prepared: behind a pool of connections, another server may get the next one.

mod connection;
mod kept;
pub(crate) mod open;
mod opener;
mod problem;
mod requirements;
mod schema;
mod texts;
mod tls;
mod url;
mod values;

use std::sync::Arc;

use bytes::Bytes;

use self::kept::Kept;
pub(crate) use self::open::DatabaseError;
use self::opener::Opener;
pub(crate) use self::problem::Problem;
pub(crate) use self::schema::SchemaProblem;
use crate::store::{
    CameBy, Capacity, ClaimResult, Disposition, EventRow, Filter, FinishResult, HandlerId, Heartbeat, Lease,
    NewEvent, NewTask, Pruned, QuarantineRow, RecordResult, Recovered, Replayed, Retention, Stats, Store,
    StoreError, StoreFuture, StoredEvent, TaskRow, Ticket,
};

/// An inbox in a database of PostgreSQL.
#[derive(Debug)]
pub(crate) struct Postgres {
    opener: Arc<Opener>,
    /// For operators: made when it is needed.
    reading: Kept,
}

impl Postgres {
    fn new(opener: Arc<Opener>) -> Self {
        let reading = Kept::new(&opener);
        Self { opener, reading }
    }
}

/// In place of an operation that is not written yet.
fn missing<T: Send + 'static>() -> StoreFuture<'static, T> {
    Box::pin(std::future::ready(Err(StoreError::broken("the store in PostgreSQL is not finished"))))
}

impl Store for Postgres {
    fn recover(&self, _handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered> {
        missing()
    }

    fn lease(&self) -> Option<Lease> {
        None
    }

    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat> {
        missing()
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        missing()
    }

    fn note_secrets(&self, _configured: Vec<CameBy>) -> StoreFuture<'_, ()> {
        missing()
    }

    fn record(&self, _arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        missing()
    }

    fn quarantine(&self, _body: Bytes, _reason: String, _came_by: CameBy) -> StoreFuture<'_, bool> {
        missing()
    }

    fn claim(&self, _capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        missing()
    }

    fn finish(&self, _ticket: Ticket, _end: Disposition) -> StoreFuture<'_, FinishResult> {
        missing()
    }

    fn clear_suspect(&self, _ticket: Ticket) -> StoreFuture<'_, ()> {
        missing()
    }

    fn prune(&self, _keep: Retention, _cursor: i64) -> StoreFuture<'_, Pruned> {
        missing()
    }

    fn tasks(&self, _filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        missing()
    }

    fn events(&self, _filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        missing()
    }

    fn events_with_id(&self, _id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        missing()
    }

    fn quarantined(&self, _limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        missing()
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        missing()
    }

    fn retry(&self, _task: i64, _handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool> {
        missing()
    }

    fn skip(&self, _task: i64, _reason: String) -> StoreFuture<'_, bool> {
        missing()
    }

    fn replay(&self, _event: i64, _tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        missing()
    }
}
