//! What an operator reads, and what an operation of theirs did. This is also the wire form of the commands: these types
//! exist for nothing else.

use serde::{Deserialize, Serialize};

use super::{ParkReason, State};

/// Which tasks, or events, an operator means.
///
/// A server of another version refuses a field that it does not know, since without it the filter would match more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only of these events, unless the list is empty.
    pub(crate) event_ids: Vec<String>,
    /// Only of this type, or of a group of types: `charge.dispute.*`.
    pub(crate) event_type: Option<String>,
    /// Only about the object with this id.
    pub(crate) object_id: Option<String>,
    /// Only about this customer, or about objects whose `customer` it is. The latter is known while the body is kept.
    pub(crate) customer: Option<String>,
    /// Only of this connected account.
    pub(crate) account: Option<String>,
    pub(crate) handler: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) why: Option<ParkReason>,
    /// Only received at this time or later, in milliseconds since the Unix epoch.
    pub(crate) since: Option<i64>,
    /// Only rows that come after the one with this `cursor`.
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
    /// When it runs next, if it is ready.
    pub(crate) due_ms: Option<i64>,
    pub(crate) finished_ms: Option<i64>,
    pub(crate) error: Option<String>,
}

/// An unsuccessful attempt, for an operator. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    pub(crate) task: i64,
    /// Counts the runs of the task, from 1; a retry by an operator starts again at 1.
    pub(crate) attempt: u32,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) outcome: AttemptOutcome,
    pub(crate) error: Option<String>,
}

/// How an unsuccessful attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// It failed, and another one followed.
    Failed,
    /// The task was skipped.
    Skipped,
    /// The task was parked.
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
    /// How often it was delivered.
    pub(crate) deliveries: u64,
    /// How many of these deliveries had another body than the first.
    pub(crate) changed_bodies: u64,
    pub(crate) has_body: bool,
}

/// An event with everything that belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredEvent {
    pub(crate) event: EventRow,
    pub(crate) tasks: Vec<TaskRow>,
    /// The unsuccessful attempts of these tasks, oldest first.
    pub(crate) attempts: Vec<AttemptRow>,
    /// The text that Stripe signed; `None` if it was pruned, or was never kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

/// A quarantined body, for an operator.
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
    /// How long the oldest due task has been due, in milliseconds.
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

/// What was freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    /// Bodies of events that were done.
    pub(crate) bodies: u64,
    /// Events, with their tasks.
    pub(crate) events: u64,
    /// How many of these events had a parked task.
    pub(crate) parked: u64,
    /// Quarantined bodies.
    pub(crate) quarantined: u64,
    /// The cursor for the next step; `None` at the end, or if everything after it is too recent.
    pub(crate) next: Option<i64>,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Replayed {
    /// This many tasks are ready; the others were still open.
    Ready(u64),
    /// The body was pruned, or was never kept.
    NoBody,
    /// There is no such event.
    Unknown,
}
