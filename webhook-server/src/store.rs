//! The storage interface: what every store must implement.
//!
//! A store keeps events, one task for each event and handler, and bodies that are not events. Several instances of a
//! program may share one: each has its own [`Store`], which acts for that instance. All time is the store's own (its
//! callers speak of durations). Each operation is atomic, and durable when its future is ready with a success. An error
//! leaves open whether it took place.
//!
//! # The states of a task
//!
//! | from | to | by |
//! |---|---|---|
//! | (a new task) | *ready*, *running* | `record`; running if it may start at once |
//! | *ready*, *blocked* | *running* | `claim`, when it is due, its lane is free, and it comes first there |
//! | *ready* | *blocked* | `claim`, when it is due and cannot start for its lane |
//! | *blocked* | *ready* | whatever frees the lane: `finish`, `skip`, `recover` |
//! | *running* | *done*, *skipped*, *parked* | `finish`; `recover` parks it after its last crash |
//! | *running* | *ready* | `finish`, for a retry or a release; `leave`; `recover`, after a crash |
//! | *ready*, *blocked* | *ready* now | `retry` |
//! | *ready*, *blocked*, *parked* | *skipped* | `skip` |
//! | *parked* | *ready* | `retry`; `recover`, when its handler is back |
//! | *done*, *skipped*, *parked* | *ready* | `replay` |
//! | *ready*, *blocked* | *parked* | `recover`, when its handler is gone |
//!
//! Only a run with a valid [`Ticket`] ends a *running* task, apart from `recover` and `leave`.

mod backlog;
mod came_by;
pub(crate) mod clock;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod columns;
#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(crate) mod conformance;
mod error;
pub(crate) mod keys;
mod location;
#[cfg(all(feature = "cli", feature = "postgres", feature = "sqlite"))]
pub(crate) mod moving;
#[cfg(not(feature = "postgres"))]
mod no_postgres;
#[cfg(not(feature = "sqlite"))]
mod no_sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod noted_uses;
pub(crate) mod paths;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod retention;
mod rows;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod task;
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only a store in PostgreSQL has them"))]
pub(crate) mod transactions;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::backlog::{Arriving, Backlog, Commit, CommitWatcher};
pub(crate) use self::came_by::{CameBy, SecretName};
pub(crate) use self::error::{OpenError, StoreError};
pub use self::location::InboxLocation;
#[cfg(feature = "cli")]
pub(crate) use self::location::{Condition, inspect, migrate, migration_script};
pub(crate) use self::location::{LOCATION, Opening, cautions, check, open, open_in_memory, open_to_read};
pub(crate) use self::paths::{beside, is_socket, real};
pub(crate) use self::rows::{
    AttemptOutcome, AttemptRow, Body, Buried, EndpointRow, EventRow, Filter, HandlerStats, InstanceRow,
    Pruned, QuarantineRow, Quarantined, Replayed, SecretRow, Stats, StoredEvent, TaskRow,
};
pub use self::task::State;
pub(crate) use self::task::{
    Capacity, Claim, ClaimResult, Disposition, FinishResult, HandlerId, Heartbeat, Lane, Lease, NewEvent,
    NewTask, ParkReason, RecordResult, Recovered, Retention, StartMode, Ticket, moment,
};
use self::transactions::Transactions;

/// The result of a store operation, when it is done.
pub(crate) type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// Keeps an inbox, for one instance of the program.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Joins the instances that share the inbox, with the ids of all handlers of this program, and takes over the tasks of
    /// dead instances. Nothing starts for this instance before that.
    ///
    /// The tasks that a dead instance was running are ready again at once, and *suspect*: the instance may have died of
    /// them. Each such end is counted as a crash of the task, unless the run was cleared. A task with [`MAX_CRASHES`] of
    /// them is parked if it was the only one that its instance was running: then no other can have ended the instance.
    ///
    /// Tasks of handlers that no live instance has are parked, and resumed when an instance joins with the handler. A
    /// store that several instances share may wait before it parks them, since a deploy may bring the handler back.
    fn recover(&self, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered>;

    /// Returns how this instance must show that it is alive. `None` if the store knows by other means, such as a lock that
    /// ends with the process.
    fn lease(&self) -> Option<Lease>;

    /// Renews the lease, and takes over the tasks of instances that have died since.
    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat>;

    /// Leaves the instances, and returns the tasks that this one is still running, without counting the attempts.
    fn leave(&self) -> StoreFuture<'_, ()>;

    /// Notes which signing secrets this instance is configured with, so that an operator sees also those that were never
    /// used. It is asked for again whenever they change, and every [`SECRETS_NOTED_EVERY`]. What other instances have
    /// noted stays as it is.
    fn note_secrets(&self, configured: Vec<CameBy>) -> StoreFuture<'_, ()>;

    /// Stores an event and its tasks, unless it is known by its id, type and object.
    ///
    /// A task with an [`occurrence`](NewTask::occurrence) is left out if the handler has a task of another event with the same
    /// one, however that task has ended. An occurrence is known for as long as its event is kept.
    ///
    /// A known event that comes through an endpoint for the first time gets the tasks that are this endpoint's and that it
    /// lacks; then its body is kept again if it was freed. Notes when the secret was used.
    ///
    /// Fails with [`StoreError::Refused`], and has stored nothing, if the event contains what cannot be kept.
    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult>;

    /// Keeps a verified body that is not an event, or that was refused as one, and notes when the secret was used. Returns
    /// whether the body is new.
    fn quarantine(&self, body: Bytes, reason: String, came_by: CameBy) -> StoreFuture<'_, bool>;

    /// Starts due tasks up to the capacity, those that have been due longest first; never two in one lane.
    ///
    /// Suspects start one at a time: an instance runs no two at once. Other tasks run beside them. A suspect with two
    /// crashes or more is *accused*: it comes before anything else, and while it runs as a suspect, its instance starts
    /// no other task except awaited ones. A store may leave all suspects to one instance.
    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult>;

    /// Ends a run, unless the ticket is no longer valid.
    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult>;

    /// Clears a run that has run for long without ending its process. Tasks that waited for it can start, and if the
    /// process ends now, that is not counted as a crash of the task.
    fn clear_suspect(&self, ticket: Ticket) -> StoreFuture<'_, ()>;

    /// Returns what the store does for handlers' own transactions: it is in the database that has them, or records their
    /// ends right after them. `None` if it does neither.
    ///
    /// A run whose transaction was committed is finished like any other. If the transaction has ended the run, that frees its
    /// lane, though the end is not the ticket's any more.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }

    /// Frees what was kept long enough, among the next [`PRUNE_STEP`] events after `cursor`. From cursor 0, it also frees
    /// old quarantined bodies, and the secrets that no instance has had for [`SECRET_KEPT`]. Every instance asks for this; a
    /// store that several share may leave it to one of them.
    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned>;

    /// Lists tasks, newest event first.
    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>>;

    /// Lists events, newest first. The filter's `handler`, `state` and `why` are ignored.
    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>>;

    /// Finds the events with an id, oldest first, with their bodies, tasks and attempts. There are several only if the
    /// id was also used for other types or objects.
    fn events_with_id(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>>;

    /// Lists quarantined bodies, newest first.
    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>>;

    /// Finds the quarantined body with this `id`.
    fn quarantined_with_id(&self, id: i64) -> StoreFuture<'_, Option<Quarantined>>;

    /// Counts events and tasks.
    fn stats(&self) -> StoreFuture<'_, Stats>;

    /// Returns what was handed to the store and is not stored yet.
    fn arriving(&self) -> Arriving {
        Arriving::default()
    }

    /// Has this told of each commit that stores what arrives, from now on. Only the first call has an effect.
    fn watch_commits(&self, _watcher: CommitWatcher) {}

    /// Counts what is open, parked or in quarantine. Its time does not grow with what is done.
    fn backlog(&self) -> StoreFuture<'_, Backlog>;

    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
    /// Returns why an event that came now would not be stored, as far as that is known without asking anything.
    fn obstacle(&self) -> Option<StoreError> {
        None
    }

    /// Lists the instances that share the inbox, the oldest first. Empty if one instance at a time has it.
    fn instances(&self) -> StoreFuture<'_, Vec<InstanceRow>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Removes an instance, as a dead one is removed when its lease has ended, and takes its tasks over. If several have the
    /// name, as after the restart of a container, the one that joined last stays. `None` if no instance has the name.
    ///
    /// An instance that lives joins again when it notices, and its runs are cancelled.
    fn bury(&self, _name: String) -> StoreFuture<'_, Option<Buried>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Makes a parked or waiting task ready now, with its full number of attempts, if it belongs to one of these handlers.
    /// Returns whether it did.
    fn retry(&self, task: i64, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool>;

    /// Skips a parked or waiting task. Returns whether it did.
    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool>;

    /// Runs handlers on the event with this `cursor` again, or for the first time, however they ended before. Leaves out those
    /// that have a task of the event's twin instead.
    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed>;
}

/// How many times the process may end while a task is running, before the task is parked.
pub(crate) const MAX_CRASHES: u32 = 3;

/// The error of a task that is parked as poison.
pub(crate) const POISON: &str = "the process ended 3 times while this task was running, the last time with no other \
                                 task running";

/// With this many crashes, a suspect is accused.
pub(crate) const ACCUSED: u32 = MAX_CRASHES - 1;

/// How many events one step of the retention looks at.
pub(crate) const PRUNE_STEP: usize = 500;

/// How far apart the times are that are noted as a secret's last use, so that busy secrets cost no more than rare ones.
pub(crate) const SECRET_USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// How often an instance notes which secrets it is configured with, if they do not change.
pub(crate) const SECRETS_NOTED_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a secret is known that no instance is configured with any more.
pub(crate) const SECRET_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many former attempts of a task are kept, the latest ones.
pub(crate) const ATTEMPTS_KEPT: usize = 50;
