//! The seam between the inbox and what keeps it: the protocol of a store, in the words of the inbox.
//!
//! A store keeps events, one task for each event and handler, and what could not be read. All time is the store's own
//! (its callers speak of durations), so that several instances may share one. Each operation is atomic, and durable
//! when its future is ready with a success; an error says that it may or may not have happened.

pub(crate) mod clock;
#[cfg(test)]
pub(crate) mod conformance;
mod error;
pub(crate) mod failpoint;
mod location;
pub(crate) mod retention;
mod rows;
mod sqlite;
mod task;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::error::{OpenError, StoreError};
pub use self::location::InboxLocation;
#[allow(unused_imports, reason = "an application under test will run on it")]
pub(crate) use self::location::open_in_memory;
pub(crate) use self::location::{Opening, check, open, open_to_read};
pub(crate) use self::rows::{
    AttemptOutcome, AttemptRow, EventRow, Filter, HandlerStats, QuarantineRow, Stats, StoredEvent, TaskRow,
};
pub(crate) use self::sqlite::{beside, cautions, is_socket, real};
pub(crate) use self::task::{
    Capacity, Claim, ClaimResult, Disposition, FinishResult, Lane, NewEvent, NewTask, ParkReason, Pruned,
    RecordResult, Recovered, Replayed, Retention, StartMode, State, Ticket, moment,
};

/// What an operation of a store gives, when it is done.
pub(crate) type StoreFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// Keeps an inbox.
pub(crate) trait Store: fmt::Debug + Send + Sync + 'static {
    /// Takes over what a former process left, given the ids of all handlers that there are.
    ///
    /// What was running is ready again at once, and *suspect*: its process may have died of it. Each such end is
    /// counted as a crash of the task, unless the run was acquitted. A task with [`MAX_CRASHES`] of them is parked if it was the only one running
    /// this time: then nothing else can have ended the process. Tasks of handlers that are gone are parked, and resumed
    /// when the handler is back.
    fn begin(&self, handlers: Arc<[String]>) -> StoreFuture<'_, Recovered>;

    /// Stores an event and its tasks, unless it is known: by its id, type and object.
    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult>;

    /// Keeps a verified body that is no event. Returns whether it is new.
    fn quarantine(&self, body: Bytes, reason: String) -> StoreFuture<'_, bool>;

    /// Starts tasks that are due, as far as there is capacity, those first that are due the longest; never two in one
    /// lane.
    ///
    /// Suspects start one after the other: the next one when no suspect runs any more. Beside them, other tasks go on.
    /// A suspect with two crashes or more is *accused*: it comes before anything else, and while it runs as a suspect,
    /// no other task is started but those that are awaited.
    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult>;

    /// Ends a run, unless the ticket is no longer the task's.
    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult>;

    /// Clears a run that goes on for long and has not ended its process: what waited for it goes on, and if the process
    /// ends now, that is not counted as a crash of the task.
    fn acquit(&self, ticket: Ticket) -> StoreFuture<'_, ()>;

    /// Frees what has been kept long enough, of the events from `cursor` on; few enough not to be felt.
    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned>;

    /// Lists tasks, newest event first.
    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>>;

    /// Lists events, newest first. The filter's `handler`, `state` and `why` do not matter.
    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>>;

    /// Finds the events with an id, oldest first, with their bodies, tasks and attempts. There are several only if the
    /// id was used for other types or objects as well.
    fn event(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>>;

    /// Lists what is in quarantine, newest first.
    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>>;

    /// Counts.
    fn stats(&self) -> StoreFuture<'_, Stats>;

    /// Makes a task that is parked or waits ready now, with all its attempts before it, if it is one of these handlers'.
    /// Returns whether it did.
    fn retry(&self, task: i64, handlers: Arc<[String]>) -> StoreFuture<'_, bool>;

    /// Gives up a task that is parked or waits. Returns whether it did.
    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool>;

    /// Runs handlers on the event with this `cursor` again, or for the first time, however it ended before.
    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed>;
}

/// How many times the process may end while a task is running, before the task is parked.
pub(crate) const MAX_CRASHES: u32 = 3;

/// What is said of a task that is parked as poison.
pub(crate) const POISON: &str = "the process ended 3 times while this task was running, the last time with no other \
                                 task running";

/// From how many crashes on a suspect is accused.
pub(crate) const ACCUSED: u32 = MAX_CRASHES - 1;

/// How many events one step of the retention looks at.
pub(crate) const PRUNE_STEP: usize = 500;

/// How many attempts that did not succeed are kept of a task, the latest ones.
pub(crate) const ATTEMPTS_KEPT: usize = 50;
