//! The store in SQLite: no server to run, and safe against the process and the machine ending at any moment.
//!
//! A [`Database`] executes the statements: [`on_disk`] with one thread that writes, in transactions that take everything
//! that waits; [`in_memory`] at once. Everything else here is statements.
//!
//! | for | files |
//! |---|---|
//! | opening | `open`, `on_disk`, `in_memory`, `opener`, `file`, `lock`, `paths`, `file_systems`, `schema`, `session` |
//! | writing | `writer` (one thread), `disk_space` (when to refuse) |
//! | what arrives | `record`, `quarantine`, with `secrets` |
//! | what runs | `claim`, with `capacity`, `lanes`, `suspects`; `finish`; `recover` |
//! | operators | `list`, `show`, `backlog`, `operate` |
//! | retention | `prune` |
//! | moving to PostgreSQL | `read_out` |
//! | problems | `problem` (errors), `cautions` (warnings) |
//!
//! The tables are in `migrations/`, and the numbers of their states in the store's `columns`. Every statement is compiled once (`tests`
//! checks that), and repeats the condition of the partial index that it uses.

mod backlog;
mod capacity;
pub(crate) mod cautions;
mod claim;
mod columns;
mod connection;
mod disk_space;
mod file;
mod file_systems;
mod finish;
pub(crate) mod in_memory;
#[cfg(feature = "cli")]
mod inspect;
mod lanes;
mod list;
mod lock;
mod occurrences;
pub(crate) mod on_disk;
pub(crate) mod open;
mod opener;
mod operate;
mod paths;
mod problem;
mod prune;
mod quarantine;
#[cfg(all(feature = "cli", feature = "postgres"))]
pub(crate) mod read_out;
mod record;
mod recover;
pub(crate) mod schema;
mod secrets;
mod session;
mod show;
mod suspects;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;

pub(crate) use self::problem::{FileError, Problem};
use self::recover::Live;
use self::session::Stamp;
use self::writer::Urgency;
use crate::store::keys::keepable;
use crate::store::noted_uses::NotedUses;
use crate::store::transactions::Transactions;
use crate::store::{
    Arriving, Backlog, CameBy, Capacity, ClaimResult, CommitWatcher, Disposition, EventRow, Filter,
    FinishResult, HandlerId, Heartbeat, Lease, NewEvent, NewTask, Pruned, QuarantineRow, Quarantined,
    RecordResult, Recovered, Replayed, Retention, Stats, Store, StoreError, StoreFuture, StoredEvent,
    TaskRow, Ticket,
};

/// An inbox in a database of SQLite's.
#[derive(Debug)]
pub(crate) struct Sqlite<D> {
    database: D,
    noted_uses: Arc<NotedUses>,
}

/// Where the statements are executed.
pub(crate) trait Database: fmt::Debug + Send + Sync + 'static {
    /// Runs `work` in a transaction, alone or with other jobs. When it is committed, calls `note`, which adds the runs
    /// that it started to those in progress, or removes the one that it ended. `work` is called again if its transaction
    /// was rolled back because another job failed.
    ///
    /// Cancel safety: the job is done all the same.
    fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl Fn(&Connection, Stamp<'_>) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> StoreFuture<'_, T>;

    /// Runs `work` on a connection that only reads. Its second argument is the present time, in milliseconds since the
    /// Unix epoch.
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T>;

    /// What waits to be written.
    fn arriving(&self) -> Arriving {
        Arriving::default()
    }

    /// Has this told of each commit.
    fn watch_commits(&self, _watcher: CommitWatcher) {}

    /// Why an arrival would be refused now.
    fn obstacle(&self) -> Option<StoreError> {
        None
    }

    /// What it does for handlers' transactions, which are in another database.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }
}

impl<D: Database> Sqlite<D> {
    fn new(database: D) -> Self {
        Self { database, noted_uses: Arc::default() }
    }

    /// Writes something that is never refused and starts or ends no run.
    fn task<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection, Stamp<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.database.write(Urgency::Task, work, |_, _| {})
    }
}

impl<D: Database> Store for Sqlite<D> {
    fn recover(&self, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered> {
        self.task(move |db, stamp| recover::recover(db, &handlers, stamp.now))
    }

    /// It has one instance at a time: a file has a lock that ends with its process.
    fn lease(&self) -> Option<Lease> {
        None
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        self.database.transactions()
    }

    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat> {
        Box::pin(std::future::ready(Ok(Heartbeat::Renewed(Recovered::default()))))
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        self.task(recover::leave)
    }

    fn note_secrets(&self, configured: Vec<CameBy>) -> StoreFuture<'_, ()> {
        self.task(move |db, stamp| secrets::note_configured(db, &configured, stamp.now))
    }

    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        if let Err(refused) = keepable(&arrival) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        let urgency = Urgency::Arrival { bytes: arrival.envelope.body.len() };
        // Not on the thread that writes, for which all others wait.
        let digest = record::digest_of(&arrival.envelope.body);
        let (uses, came_by) = (Arc::clone(&self.noted_uses), arrival.came_by.clone());
        let work = move |db: &Connection, stamp: Stamp<'_>| {
            let came_by = &arrival.came_by;
            let is_noted = !uses.is_recent(came_by, stamp.now) && secrets::note_use(db, came_by, stamp.now)?;
            Ok((record::record(db, &arrival, &digest, stamp)?, is_noted.then_some(stamp.now)))
        };
        let uses = Arc::clone(&self.noted_uses);
        let note = move |(recorded, noted_at): &(RecordResult, Option<i64>), live: &mut Live| {
            let (RecordResult::New { started, .. } | RecordResult::Duplicate { started, .. }) = recorded;
            live.extend(started.iter().map(|claim| claim.ticket));
            if let Some(noted_at) = noted_at {
                uses.committed(&came_by, *noted_at);
            }
        };
        let recording = self.database.write(urgency, work, note);
        Box::pin(async move { recording.await.map(|(recorded, _)| recorded) })
    }

    fn quarantine(&self, body: Bytes, reason: String, came_by: CameBy) -> StoreFuture<'_, bool> {
        let urgency = Urgency::Arrival { bytes: body.len() };
        let work = move |db: &Connection, stamp: Stamp<'_>| {
            quarantine::quarantine(db, &body, &reason, &came_by, stamp.now)
        };
        self.database.write(urgency, work, |_, _| {})
    }

    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        let note = |claimed: &ClaimResult, live: &mut Live| {
            live.extend(claimed.claims.iter().map(|claim| claim.ticket));
        };
        self.database.write(Urgency::Task, move |db, stamp| claim::claim(db, &capacity, stamp), note)
    }

    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        let work = move |db: &Connection, stamp: Stamp<'_>| finish::finish(db, ticket, &end, stamp.now);
        self.database.write(Urgency::Task, work, move |_, live| {
            live.remove(&ticket);
        })
    }

    fn clear_suspect(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        self.task(move |db, _| finish::clear_suspect(db, ticket))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        self.database.write(
            Urgency::Upkeep,
            move |db, stamp| prune::prune(db, &keep, cursor, stamp),
            |_, _| {},
        )
    }

    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        self.database.read(move |db, _| list::tasks(db, &filter))
    }

    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        self.database.read(move |db, _| list::events(db, &filter))
    }

    fn events_with_id(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        self.database.read(move |db, _| show::events_with_id(db, &id))
    }

    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        self.database.read(move |db, _| show::quarantined(db, limit))
    }

    fn quarantined_with_id(&self, id: i64) -> StoreFuture<'_, Option<Quarantined>> {
        self.database.read(move |db, _| show::quarantined_with_id(db, id))
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        self.database.read(show::stats)
    }

    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        self.database.read(backlog::backlog)
    }

    fn arriving(&self) -> Arriving {
        self.database.arriving()
    }

    fn watch_commits(&self, watcher: CommitWatcher) {
        self.database.watch_commits(watcher);
    }

    fn obstacle(&self) -> Option<StoreError> {
        self.database.obstacle()
    }

    fn retry(&self, task: i64, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool> {
        self.task(move |db, stamp| operate::retry(db, task, &handlers, stamp.now))
    }

    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        self.task(move |db, stamp| operate::skip(db, task, &reason, stamp.now))
    }

    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        self.task(move |db, stamp| operate::replay(db, event, &tasks, stamp))
    }
}
