//! The store in PostgreSQL: several instances share an inbox, and keep its promises when one of them dies, hangs or is
//! replaced, and when the database moves to another server.
//!
//! | for | files |
//! |---|---|
//! | opening | `open`, `opener`, `url`, `tls`, `requirements`, `schema` |
//! | calls | `connection`, `kept`, `abandoned`, `unanswered`, `flush` (several together), `plans` (prepared), `values`, `texts` |
//! | what arrives | `ingest` (connections and batches), `store_batch`; `record`, `record_again`, with `arrivals` and `occurrences`; `quarantine`; `secrets` |
//! | what runs | `tasks` (one connection), `claim` and its `round`, `low_water`, `lanes`, `finish` |
//! | instances | `session`, `heartbeat`, `recover`, `sweep`, `pace`, `missing_handlers`, `instances`, `turns`, `alarms` |
//! | operators | `list`, `show`, `stats`, `operate` |
//! | retention; growing from a file; problems | `prune`; `take_in`; `problem`, `cause` |
//!
//! The tables are in `migrations/`, and the numbers of their states in `columns`. A statement names the schema `webhook` and
//! the present time `now_ms`; `texts` makes of that what is sent. Each names the state, the fence and the owner of what it
//! changes, and may be run again after an error. None waits for this process while it holds a lock: it is alone, or sent
//! together with all others of its transaction.
//!
//! While an old transaction is open, the server keeps every version of the open tasks, and believes that their table has few rows on
//! many pages, or none. It would then rather read the whole table, or a whole index, than look a row up. So a statement leaves it
//! no choice: `(SELECT 1 … LIMIT 1) IS NULL` instead of `NOT EXISTS`, which may become a join with everything; `LATERAL` with
//! `LIMIT`, `OFFSET 0` or `FOR UPDATE` instead of a join; `= ANY (ARRAY[…])` where a row that is changed is found by another one's
//! id; `IS NOT DISTINCT FROM` where the owner is checked, and not looked up; `ORDER BY` in the order of the index with `LIMIT 1`. What must
//! read much has a `pace`. `tests/dead_rows` measures each statement.

mod abandoned;
mod alarms;
mod arrivals;
mod backlog;
mod cause;
mod claim;
#[cfg(test)]
pub(crate) mod cluster;
mod columns;
mod connection;
mod finish;
mod flush;
mod heartbeat;
mod ingest;
mod instances;
mod kept;
mod lanes;
mod list;
mod low_water;
mod missing_handlers;
mod occurrences;
pub(crate) mod open;
mod opener;
mod operate;
mod pace;
mod plans;
mod problem;
mod prune;
mod quarantine;
mod record;
mod record_again;
mod recover;
mod requirements;
mod round;
mod schema;
mod secrets;
mod session;
mod show;
mod stats;
mod store_batch;
mod sweep;
#[cfg(all(feature = "cli", feature = "sqlite"))]
pub(crate) mod take_in;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod texts;
mod tls;
mod transactions;
mod turns;
mod unanswered;
mod url;
mod values;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use self::alarms::Alarms;
use self::arrivals::Arrival;
use self::connection::{CALL_LIMIT, Connection, READ_LIMIT};
use self::heartbeat::Looks;
use self::ingest::{Ingest, Job};
use self::kept::Kept;
pub(crate) use self::open::DatabaseError;
use self::opener::Opener;
pub(crate) use self::problem::Problem;
use self::recover::{Program, Settled};
pub(crate) use self::schema::SchemaProblem;
use self::session::{Session, Timing};
use self::tasks::Tasks;
use super::keys::keepable;
use super::transactions::Transactions;
use super::{
    Arriving, Backlog, Buried, CameBy, Capacity, ClaimResult, CommitWatcher, Disposition, EventRow, Filter,
    FinishResult, HandlerId, Heartbeat, InstanceRow, Lease, NewEvent, NewTask, Pruned, QuarantineRow,
    Quarantined, RecordResult, Recovered, Replayed, Retention, Stats, Store, StoreError, StoreFuture,
    StoredEvent, TaskRow, Ticket,
};

/// An inbox in PostgreSQL, for one instance. Its tasks run on the runtime on which it was made.
pub(crate) struct Postgres {
    session: Arc<Session>,
    opener: Arc<Opener>,
    timing: Timing,
    /// What operators who list the instances see of it.
    program: Program,
    ingest: Ingest,
    tasks: Tasks,
    /// Shows that this instance is alive, and does what is done now and then.
    upkeep: Kept,
    /// Reads and changes for operators.
    operator: Kept,
    settled: Settled,
    looks: Looks,
    alarms: Alarms,
}

impl Postgres {
    /// Hands a job to the connection that starts and ends runs.
    fn task<T: Send + 'static>(&self, job: impl FnOnce(tasks::Reply<T>) -> tasks::Job) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        let job = job(reply);
        Box::pin(async move {
            self.tasks.hand_over(job)?;
            answer.await.map_err(|_| ended())?
        })
    }

    /// Hands what arrived to the connections that store it.
    fn arrive<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> StoreFuture<'_, T> {
        let (reply, answer) = oneshot::channel();
        let job = job(reply);
        Box::pin(async move {
            self.ingest.hand_over(job)?;
            answer.await.map_err(|_| ended())?
        })
    }
}

/// Calls `$calls` with a kept connection, for a limited time.
macro_rules! on {
    ($kept:expr, |$db:ident| $calls:expr) => {
        on!($kept, CALL_LIMIT, |$db| $calls)
    };
    ($kept:expr, $limit:ident, |$db:ident| $calls:expr) => {
        Box::pin(async move {
            $kept.call($limit, async |$db: &Connection| $calls.await).await.map_err(StoreError::from)
        })
    };
}

/// The runtime on which the store was made has ended.
fn ended() -> StoreError {
    StoreError::broken("its connections have ended")
}

impl Store for Postgres {
    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }

    fn recover(&self, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered> {
        on!(self.upkeep, |db| recover::join(db, &self.session, &self.program, &handlers, &self.timing))
    }

    fn lease(&self) -> Option<Lease> {
        Some(Lease { renew_every: self.timing.lease / 4, give_up_after: self.timing.lease * 2 / 3 })
    }

    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat> {
        Box::pin(heartbeat::heartbeat(self))
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        on!(self.upkeep, |db| recover::leave(db, &self.session))
    }

    fn note_secrets(&self, configured: Vec<CameBy>) -> StoreFuture<'_, ()> {
        on!(self.operator, |db| secrets::note_configured(db, &configured))
    }

    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        if let Err(refused) = keepable(&arrival) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        let digest = Sha256::digest(&arrival.envelope.body).to_vec();
        self.arrive(|reply| Job::Event(Arrival { event: arrival, digest }, reply))
    }

    fn quarantine(&self, body: Bytes, reason: String, came_by: CameBy) -> StoreFuture<'_, bool> {
        self.arrive(|reply| Job::NotAnEvent { body, reason, came_by, reply })
    }

    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        self.task(|reply| tasks::Job::Claim(capacity, reply))
    }

    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        self.task(|reply| tasks::Job::Finish(ticket, end, reply))
    }

    fn clear_suspect(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        self.task(|reply| tasks::Job::ClearSuspect(ticket, reply))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        on!(self.upkeep, |db| prune::prune(db, self.session.id(), &keep, cursor))
    }

    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        on!(self.operator, READ_LIMIT, |db| list::tasks(db, &filter))
    }

    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        on!(self.operator, READ_LIMIT, |db| list::events(db, &filter))
    }

    fn events_with_id(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        on!(self.operator, |db| show::events_with_id(db, &id))
    }

    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        on!(self.operator, |db| show::quarantined(db, limit))
    }

    fn quarantined_with_id(&self, id: i64) -> StoreFuture<'_, Option<Quarantined>> {
        on!(self.operator, |db| show::quarantined_with_id(db, id))
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        on!(self.operator, READ_LIMIT, |db| stats::stats(db))
    }

    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        on!(self.operator, READ_LIMIT, |db| backlog::backlog(db))
    }

    fn arriving(&self) -> Arriving {
        self.ingest.arriving()
    }

    fn watch_commits(&self, watcher: CommitWatcher) {
        self.ingest.watch_commits(watcher);
    }

    fn obstacle(&self) -> Option<StoreError> {
        self.ingest.trouble()
    }

    fn instances(&self) -> StoreFuture<'_, Vec<InstanceRow>> {
        on!(self.operator, |db| instances::list(db))
    }

    fn bury(&self, name: String) -> StoreFuture<'_, Option<Buried>> {
        on!(self.operator, |db| recover::bury(db, &name))
    }

    fn retry(&self, task: i64, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool> {
        on!(self.operator, |db| operate::retry(db, task, &handlers))
    }

    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        on!(self.operator, |db| operate::skip(db, task, &reason))
    }

    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        on!(self.operator, |db| operate::replay(db, event, &tasks))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("session", &self.session)
            .field("ingest", &self.ingest)
            .finish_non_exhaustive()
    }
}
