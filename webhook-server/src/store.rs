//! The seam between the inbox and what keeps it: the protocol of a store, in the words of the inbox.
//!
//! A store keeps events, one task for each event and handler, and what could not be read. All time is the store's own
//! (its callers speak of durations), so that several instances may share one. Each operation is atomic, and durable
//! when its future is ready with a success; an error says that it may or may not have happened.

pub(crate) mod clock;
#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod failpoint;
mod location;
pub(crate) mod retention;
mod sqlite;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::location::InboxLocation;
#[allow(unused_imports, reason = "an application under test will run on it")]
pub(crate) use self::location::open_in_memory;
pub(crate) use self::location::{Opening, check, open, open_to_read};
pub(crate) use self::sqlite::{beside, cautions, is_socket, real};

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

/// How many attempts that did not succeed are kept of a task, the latest ones.
pub(crate) const ATTEMPTS_KEPT: usize = 50;

/// A verified event, as it is stored.
#[derive(Clone)]
pub(crate) struct NewEvent {
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) endpoint: String,
    pub(crate) account: Option<String>,
    pub(crate) object_id: Option<String>,
    /// In seconds since the Unix epoch.
    pub(crate) created: Option<i64>,
    pub(crate) api_version: Option<String>,
    pub(crate) livemode: bool,
    /// In seconds since the Unix epoch.
    pub(crate) signed_at: i64,
    pub(crate) body: Bytes,
    /// One for each handler of the event's type. If there is none, the body is not kept.
    pub(crate) tasks: Vec<NewTask>,
}

/// Shows what identifies the event.
impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("event_id", &self.event_id)
            .field("event_type", &self.event_type)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// A task that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewTask {
    pub(crate) handler: String,
    /// Whose lanes it shares, and whose newer events make it stale: its handler's, or a group's of handlers.
    pub(crate) scope: String,
    /// The account and the id of the object that the event is about.
    pub(crate) object: Option<String>,
    /// Which place the event has among those of its object, see [`moment`].
    pub(crate) moment: i64,
    /// `None` if it may run beside any other.
    pub(crate) lane: Option<Lane>,
    pub(crate) at_once: StartMode,
}

/// Whether a task that is made is to run at once, if its lane is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartMode {
    /// It waits until it is claimed.
    No,
    /// There is a place for it, unless an accused task must run alone.
    IfFree,
    /// Its sender waits for the answer: whatever else runs.
    Awaited,
}

/// The tasks of one scope that may not run at once.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) key: String,
    /// Whether a task that waits for its next try holds the lane.
    pub(crate) strict: bool,
}

/// How many tasks may be started.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// Of all handlers together.
    pub(crate) slots: usize,
    /// Of each handler by its id; of one that is not named, none.
    pub(crate) handlers: HashMap<String, usize>,
}

impl Capacity {
    /// How many of one handler.
    pub(crate) fn of(&self, handler: &str) -> usize {
        self.handlers.get(handler).copied().unwrap_or(0)
    }
}

/// The place of an event among those of its object: in the order of the seconds in which they happened, and within one
/// second `*.created` first and `*.deleted` last, since nothing else is known of it. 0 if Stripe did not say when.
pub(crate) fn moment(event_type: &str, created: Option<i64>) -> i64 {
    let within = match event_type.rsplit('.').next() {
        Some("created") => 1,
        Some("deleted") => 3,
        _ => 2,
    };
    created.map_or(0, |second| second.saturating_mul(4).saturating_add(within))
}

/// What became of an arrival.
#[derive(Debug)]
pub(crate) enum RecordResult {
    /// It is stored. These of its tasks run from now on. `id_is_reused` if the id is known with another type or object.
    New { started: Vec<Claim>, id_is_reused: bool },
    /// It was stored before; whether its body was the same.
    Duplicate { same_body: bool },
}

/// A task that runs from now on.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) ticket: Ticket,
    pub(crate) handler: String,
    pub(crate) endpoint: String,
    /// Which run this is, from 1.
    pub(crate) attempt: u32,
    pub(crate) is_replay: bool,
    /// Whether a newer event of the same object is done in the task's scope.
    pub(crate) is_stale: bool,
    pub(crate) body: Bytes,
}

/// Shows which run it is.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("ticket", &self.ticket)
            .field("handler", &self.handler)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// The right to end one run of a task. A later claim of the task makes it worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) task: i64,
    pub(crate) fence: i64,
}

/// Tasks that run from now on.
#[derive(Debug, Default)]
pub(crate) struct ClaimResult {
    pub(crate) claims: Vec<Claim>,
    /// How long until the next task is due that is not now; `None` if none waits for its time. Zero asks to claim again:
    /// there was too much to look at for one operation.
    pub(crate) next_due: Option<Duration>,
}

/// How a run ended, for the store.
#[derive(Clone, Debug)]
pub(crate) enum Disposition {
    Done,
    /// Settled without success.
    Skipped {
        error: String,
    },
    /// To be run again.
    Retry {
        after: Duration,
        error: String,
    },
    /// Set aside for a person.
    Parked {
        why: ParkReason,
        error: String,
    },
    /// Not run to its end, through no fault of its own: as if it had not been claimed.
    Released,
}

/// What the end of a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FinishResult {
    /// Whether the run still had its task, so that its end counts.
    pub(crate) was_ours: bool,
    /// Whether any task is due now: only then is a claim worth the while.
    pub(crate) is_any_due: bool,
}

/// Where a task is in its life.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// To be run when it is due.
    Ready,
    /// Running.
    Running,
    /// To be run when its lane is free.
    Blocked,
    /// Succeeded.
    Done,
    /// Given up as settled.
    Skipped,
    /// Set aside for a person.
    Parked,
}

impl State {
    /// Whether it is still to be run to an end.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Blocked)
    }
}

/// Why a task is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ParkReason {
    /// The handler asked for it.
    Asked,
    /// The last attempt failed.
    Exhausted,
    /// The process died three times while nothing else ran.
    Poison,
    /// The program has no such handler.
    NoHandler,
    /// The event does not fit the handler's type.
    Undecodable,
}

/// What was found at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Tasks that were running when the former process ended.
    pub(crate) suspects: u64,
    /// Tasks that were parked for having crashed the process.
    pub(crate) poisoned: u64,
    /// Tasks that were parked because their handler is gone.
    pub(crate) without_handler: u64,
    /// Tasks that were resumed because their handler is back.
    pub(crate) resumed: u64,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// The bodies of events that are done.
    pub(crate) bodies: Duration,
    /// The ids of events, by which a duplicate is told.
    pub(crate) ids: Duration,
    /// Events with a parked task, and what is in quarantine.
    pub(crate) parked: Duration,
}

/// What was freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    /// Bodies of events that were done.
    pub(crate) bodies: u64,
    /// Events, with their tasks.
    pub(crate) events: u64,
    /// Of these events, those with a task that was parked.
    pub(crate) parked: u64,
    /// Bodies in quarantine.
    pub(crate) quarantined: u64,
    /// Where to go on; `None` at the end, or if everything further on is too recent.
    pub(crate) next: Option<i64>,
}

/// Which tasks, or events, an operator means.
///
/// A server of another version refuses a filter that it does not know: without it, it would mean more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Of these events; of any if there are none.
    pub(crate) event_ids: Vec<String>,
    /// Of this type, or of the types of a group: `charge.dispute.*`.
    pub(crate) event_type: Option<String>,
    /// About the object with this id.
    pub(crate) object_id: Option<String>,
    /// About this customer, or an object whose `customer` it is. The latter is known while the body is kept.
    pub(crate) customer: Option<String>,
    /// Of this connected account.
    pub(crate) account: Option<String>,
    pub(crate) handler: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) why: Option<ParkReason>,
    /// Received at this time or later, in milliseconds since the Unix epoch.
    pub(crate) since: Option<i64>,
    /// The `cursor` of the last row that is known; the rows after it are wanted.
    pub(crate) after: Option<i64>,
    pub(crate) limit: usize,
}

/// A task, for an operator. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskRow {
    pub(crate) task: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) handler: String,
    pub(crate) state: State,
    pub(crate) why: Option<ParkReason>,
    pub(crate) attempt: u32,
    pub(crate) received_ms: i64,
    /// When it will run next, if it is ready.
    pub(crate) due_ms: Option<i64>,
    pub(crate) finished_ms: Option<i64>,
    pub(crate) error: Option<String>,
}

/// An attempt that did not succeed, for an operator. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    pub(crate) task: i64,
    /// Which run it was, from 1; a retry by an operator begins at 1 again.
    pub(crate) attempt: u32,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) outcome: AttemptOutcome,
    pub(crate) error: Option<String>,
}

/// How an attempt that did not succeed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AttemptOutcome {
    /// It failed, and another one followed.
    Failed,
    /// It settled the task without success.
    Skipped,
    /// It set the task aside for a person.
    Parked,
    /// The process ended while it was running.
    Crashed,
}

/// An event, for an operator. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventRow {
    pub(crate) cursor: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) endpoint: String,
    pub(crate) account: Option<String>,
    pub(crate) object_id: Option<String>,
    /// In seconds since the Unix epoch.
    pub(crate) created: Option<i64>,
    pub(crate) api_version: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) received_ms: i64,
    /// How many deliveries there were of it.
    pub(crate) deliveries: u64,
    /// How many of these had another body than the first.
    pub(crate) changed_bodies: u64,
    pub(crate) has_body: bool,
}

/// An event with all that belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredEvent {
    pub(crate) event: EventRow,
    pub(crate) tasks: Vec<TaskRow>,
    /// The attempts of these tasks that did not succeed, oldest first.
    pub(crate) attempts: Vec<AttemptRow>,
    /// The text that Stripe signed; `None` if it is no longer, or was never, kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

/// A body in quarantine, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuarantineRow {
    pub(crate) id: i64,
    pub(crate) received_ms: i64,
    pub(crate) deliveries: u64,
    pub(crate) reason: String,
    pub(crate) bytes: u64,
}

/// The inbox in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) events: u64,
    pub(crate) unhandled: u64,
    pub(crate) duplicates: u64,
    pub(crate) changed_bodies: u64,
    pub(crate) quarantined: u64,
    /// Of the ready task that is due the longest, how long it has been, in milliseconds.
    pub(crate) oldest_due_ms: Option<i64>,
    pub(crate) handlers: Vec<HandlerStats>,
}

/// The tasks of one handler in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HandlerStats {
    pub(crate) handler: String,
    pub(crate) state: State,
    pub(crate) why: Option<ParkReason>,
    pub(crate) tasks: u64,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Replayed {
    /// So many tasks are ready; the others are not yet done with.
    Ready(u64),
    /// The body is no longer, or was never, kept.
    NoBody,
    /// There is no such event.
    Unknown,
}

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, Error)]
pub(crate) enum StoreError {
    #[error("the disk is full")]
    DiskFull,
    #[error("only {free} bytes are free on the inbox's disk, below the floor")]
    DiskLow { free: u64 },
    #[error("the inbox has more to write than it accepts at once")]
    Busy,
    #[error("the inbox did not confirm the write within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    #[error("the inbox cannot be used: {0}")]
    Broken(String),
}

/// Why an inbox cannot be opened: a sentence about its file, and what to do.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// Another process has it.
    #[error("{0}")]
    Taken(String),
    #[error("{0}")]
    Unusable(String),
}

impl From<String> for OpenError {
    fn from(sentence: String) -> Self {
        Self::Unusable(sentence)
    }
}
