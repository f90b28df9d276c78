//! The types of the storage protocol: events, tasks and their states, and what each operation returns.
//!
//! They contain no SQL, no text for people and no wire form: columns are in `columns.rs`, names in
//! `operate/wire.rs`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use webhook_core::{Envelope, Timestamp};

use super::CameBy;

/// A handler's id, as the program declares it. A store writes it as text, and speaks only of handlers that it was named.
pub(crate) type HandlerId = &'static str;

/// A verified event that is to be stored.
#[derive(Clone)]
pub(crate) struct NewEvent {
    /// The parsed event. Its `body` is stored byte for byte.
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) came_by: CameBy,
    /// The id of the object that the event is about. Part of the event's identity.
    pub(crate) object_id: Option<String>,
    /// The signature's own timestamp, in seconds since the Unix epoch.
    pub(crate) signed_at: i64,
    /// One for each handler of the event's type at the endpoint. If there is none, the body is not kept. It is kept if the
    /// handlers have their tasks of the event's twin: as for any event with handlers, an operator can look at it, and replay it
    /// for a handler that has not had the occurrence.
    pub(crate) tasks: Vec<NewTask>,
}

impl NewEvent {
    /// When the event happened, in seconds since the Unix epoch.
    pub(crate) fn created(&self) -> Option<i64> {
        self.envelope.created.map(Timestamp::unix_seconds)
    }
}

/// Shows what identifies the event.
impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("event_id", &self.envelope.id)
            .field("event_type", &self.envelope.event_type)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

/// A task that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewTask {
    pub(crate) handler: HandlerId,
    /// Whose lanes it shares, and whose newer events make it stale: its handler's, or a group's.
    pub(crate) scope: Cow<'static, str>,
    /// The account and the id of the object that the event is about; `None` if the object has no id. Such a task is
    /// never stale.
    pub(crate) object: Option<String>,
    /// The place of the event among those of its object, see [`moment`].
    pub(crate) moment: i64,
    /// `None` if it may run beside any other.
    pub(crate) lane: Option<Lane>,
    pub(crate) at_once: StartMode,
    /// Whether it is made, too, if the event is known, but came through other endpoints only.
    pub(crate) is_of_endpoint: bool,
    /// The occurrence that the event reports, if the handler takes the event's twin as well: the event of the other kind that
    /// reports the same. The handler has one task for the two, of the event that came first.
    pub(crate) occurrence: Option<String>,
}

/// Whether a new task starts at once if its lane is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartMode {
    /// No: it waits until it is claimed.
    No,
    /// Yes, unless an accused task must run alone.
    IfFree,
    /// Yes, whatever else runs: the sender waits for its answer.
    Awaited,
}

/// The tasks of one scope that may not run at once.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The account and the value of the ordering key.
    pub(crate) key: String,
    /// Whether a task that waits for its retry holds the lane.
    pub(crate) strict: bool,
}

/// How many tasks may be started.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// For all handlers together.
    pub(crate) slots: usize,
    /// For each handler by its id; none for a handler that is not listed.
    pub(crate) handlers: HashMap<HandlerId, usize>,
}

impl Capacity {
    /// Returns how many tasks of one handler may be started.
    pub(crate) fn of(&self, handler: &str) -> usize {
        self.handlers.get(handler).copied().unwrap_or(0)
    }
}

/// Returns a number by which the events of an object are ordered: by the second in which they happened, and within a
/// second `*.created` first and `*.deleted` last, because nothing else is known. 0 if Stripe did not say when.
pub(crate) fn moment(event_type: &str, created: Option<i64>) -> i64 {
    let within = match event_type.rsplit('.').next() {
        Some("created") => 1,
        Some("deleted") => 3,
        _ => 2,
    };
    created.map_or(0, |second| second.saturating_mul(4).saturating_add(within))
}

/// What became of a new event.
#[derive(Debug)]
pub(crate) enum RecordResult {
    /// It is stored, and these of its tasks have started. `id_is_reused` if the id is known with another type or object.
    /// `known_occurrences` tasks were not made, because the handlers have one of its twin.
    New { started: Vec<Claim>, id_is_reused: bool, known_occurrences: usize },
    /// It was stored before, with the same body or another. If it comes through this endpoint for the first time, `added`
    /// tasks were made, and these of them have started. They are given the body that is stored.
    Duplicate { started: Vec<Claim>, added: usize, same_body: bool },
}

/// A task that has started.
#[derive(Clone)]
pub(crate) struct Claim {
    /// The right to end this run.
    pub(crate) ticket: Ticket,
    pub(crate) handler: HandlerId,
    /// The name of the endpoint through which the event came first.
    pub(crate) endpoint: Arc<str>,
    /// Counts the runs of the task, from 1.
    pub(crate) attempt: u32,
    /// Whether the task was replayed by an operator.
    pub(crate) is_replay: bool,
    /// Whether a newer event of the same object is already done in the task's scope.
    pub(crate) is_stale: bool,
    /// How long the task had been due when it started.
    pub(crate) overdue: Duration,
    /// The event, byte for byte as it was verified.
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

/// The right to end one run of a task. It is void once the task has been claimed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket {
    /// The task's number in its store.
    pub(crate) task: i64,
    /// Increases with every claim of the task.
    pub(crate) fence: i64,
}

/// Tasks that have started.
#[derive(Debug, Default)]
pub(crate) struct ClaimResult {
    /// The runs that must start now: they are counted as attempts already.
    pub(crate) claims: Vec<Claim>,
    /// When to claim again unless something wakes the worker earlier; `None` if nothing waits for its time. A store that
    /// learns of other instances' tasks only by looking says when to look. Zero means at once: there was too much for one
    /// operation.
    pub(crate) next_claim: Option<Duration>,
}

/// How a run ended, for the store. An `error` is the handler's error with its causes, at most 4 KiB.
#[derive(Clone, Debug)]
pub(crate) enum Disposition {
    /// The handler succeeded.
    Done,
    /// Skipped: closed without success, on purpose.
    Skipped { error: String },
    /// To be run again.
    Retry {
        /// How long until the next run is due.
        after: Duration,
        error: String,
    },
    /// Set aside for a person.
    Parked { why: ParkReason, error: String },
    /// Not run to its end, through no fault of its own: the claim does not count.
    Released,
}

/// What became of the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FinishResult {
    /// Whether the ticket was still valid, so the end counts.
    pub(crate) was_ours: bool,
    /// Whether any task is due now. If not, a claim is not worth its cost.
    pub(crate) is_any_due: bool,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// It runs when it is due, such as for a retry.
    Ready,
    /// It is running.
    Running,
    /// It runs when its lane is free.
    Blocked,
    /// The handler succeeded.
    Done,
    /// The handler skipped the event.
    Skipped,
    /// It is kept for a person.
    Parked,
}

impl State {
    /// Whether the task is not closed yet.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Blocked)
    }
}

/// Why a task is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ParkReason {
    /// The handler asked for it.
    Asked,
    /// The last attempt failed.
    Exhausted,
    /// The process ended three times while this task was running, the last time with no other.
    Poison,
    /// The program has no such handler.
    NoHandler,
    /// The event does not fit the handler's type.
    Undecodable,
}

/// What a recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Tasks that were running when their instance died.
    pub(crate) suspects: u64,
    /// Tasks that were parked because they crashed their process.
    pub(crate) poisoned: u64,
    /// Tasks that were parked because their handler is gone.
    pub(crate) without_handler: u64,
    /// Tasks that were resumed because their handler is back.
    pub(crate) resumed: u64,
}

/// How an instance must show that it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// How often to renew it.
    pub(crate) renew_every: Duration,
    /// How long after the last renewal that succeeded, measured from when it was sent, this instance must have cancelled
    /// its runs: soon after that, another instance may take its tasks over.
    pub(crate) give_up_after: Duration,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// The lease is renewed, and this was taken over from dead instances.
    Renewed(Recovered),
    /// Another instance considered this one dead. All its tickets are void: it must cancel its runs and recover again.
    #[cfg_attr(not(any(test, feature = "postgres")), expect(dead_code, reason = "a file has one instance"))]
    Lost,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// The bodies of events that are done.
    pub(crate) bodies: Duration,
    /// The ids of events, by which duplicates are recognised.
    pub(crate) ids: Duration,
    /// Events with a parked task, and what is in quarantine.
    pub(crate) parked: Duration,
}
