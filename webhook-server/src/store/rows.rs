//! What an operator reads, and what an operation of theirs did. This is also the wire form of the commands: these types
//! exist for nothing else.

use serde::{Deserialize, Serialize};

use super::{ParkReason, State};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
