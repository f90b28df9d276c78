//! What an operator reads, and what an operation of theirs did.
//!
//! This is also the wire form of the commands: these types exist for nothing else. Times that end in `_ms` are milliseconds
//! since the Unix epoch, by the store's clock.

use serde::{Deserialize, Serialize};

use super::{ParkReason, State};

/// Which tasks, or events, an operator means.
///
/// A server of another version refuses a field that it does not know, since without it the filter would match more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Only tasks of the handler with this id.
    pub(crate) handler: Option<String>,
    /// Only tasks in this state.
    pub(crate) state: Option<State>,
    /// Only tasks parked for this reason.
    pub(crate) why: Option<ParkReason>,
    /// Only received at this time or later, in milliseconds since the Unix epoch.
    pub(crate) since: Option<i64>,
    /// Only rows that come after this one: the `cursor` of an event, or the number of a task.
    pub(crate) after: Option<i64>,
    /// Only rows that come before this one.
    pub(crate) before: Option<i64>,
    /// The maximum number of rows.
    pub(crate) limit: usize,
}

impl Filter {
    /// Whether it leaves out any row but those that come before or after others.
    pub(crate) fn has_conditions(&self) -> bool {
        let Self { after, before, limit, .. } = *self;
        *self != Self { after, before, limit, ..Self::default() }
    }
}

/// A task, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskRow {
    /// The task's number, by which operations name it.
    pub(crate) task: i64,
    /// The number of its event.
    pub(crate) cursor: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) handler: String,
    pub(crate) state: State,
    /// Why it is parked; `None` in every other state.
    pub(crate) why: Option<ParkReason>,
    /// The number of runs so far. A retry by an operator sets it back to 0.
    pub(crate) attempt: u32,
    /// When the event arrived for the first time.
    pub(crate) received_ms: i64,
    /// When it runs next, if it is ready.
    pub(crate) due_ms: Option<i64>,
    /// When its latest run started, if it is running or done.
    pub(crate) started_ms: Option<i64>,
    /// When it was done, skipped or parked.
    pub(crate) finished_ms: Option<i64>,
    /// The last run's error, or the reason that an operator gave for skipping the task.
    pub(crate) error: Option<String>,
}

/// An attempt, for an operator. The successful one is in the task itself, unless the event was replayed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    /// The number of its task.
    pub(crate) task: i64,
    /// Counts the runs of the task, from 1; a retry by an operator starts again at 1.
    pub(crate) attempt: u32,
    pub(crate) started_ms: i64,
    /// After a crash, when the next process recovered the task.
    pub(crate) ended_ms: i64,
    pub(crate) outcome: AttemptOutcome,
    /// `None` after a crash.
    pub(crate) error: Option<String>,
}

/// How an attempt ended.
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
    /// It succeeded; then the event was replayed.
    Done,
}

/// An event, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventRow {
    /// The event's number, in the order of arrival. Operations name the event by it, because its id may not be unique.
    pub(crate) cursor: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    /// The endpoints through which it came, the first one first.
    pub(crate) endpoints: Vec<EndpointRow>,
    /// The connected account that it came from.
    pub(crate) account: Option<String>,
    pub(crate) object_id: Option<String>,
    /// In seconds since the Unix epoch.
    pub(crate) created: Option<i64>,
    /// The API version in which Stripe rendered it.
    pub(crate) api_version: Option<String>,
    pub(crate) livemode: bool,
    /// When it arrived for the first time.
    pub(crate) received_ms: i64,
    /// How often it was delivered.
    pub(crate) deliveries: u64,
    /// How many of these deliveries had another body than the first.
    pub(crate) changed_bodies: u64,
    /// False if the type had no handler when the event arrived, and after retention has freed the body.
    pub(crate) has_body: bool,
}

/// An endpoint through which an event came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndpointRow {
    pub(crate) endpoint: String,
    /// The label of the secret that signed it when it first came through this endpoint.
    pub(crate) secret: String,
    /// When that was.
    pub(crate) received_ms: i64,
}

/// An event with everything that belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredEvent {
    pub(crate) event: EventRow,
    pub(crate) tasks: Vec<TaskRow>,
    /// The former attempts of these tasks, oldest first.
    pub(crate) attempts: Vec<AttemptRow>,
    /// The text that Stripe signed; `None` if it was pruned, or was never kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

/// A quarantined body, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuarantineRow {
    pub(crate) id: i64,
    /// When it arrived for the first time.
    pub(crate) received_ms: i64,
    /// How often it was delivered.
    pub(crate) deliveries: u64,
    /// Why it is not an event that can be dispatched, or why the store does not accept it as one.
    pub(crate) reason: String,
    /// The size of the body.
    pub(crate) bytes: u64,
}

/// A quarantined body with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quarantined {
    #[serde(flatten)]
    pub(crate) row: QuarantineRow,
    pub(crate) body: Body,
}

/// What was received, which may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Body {
    Text(String),
    /// What is not text.
    Bytes(Vec<u8>),
}

impl Body {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }
}

/// The inbox in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Whether the numbers of all events, of those without a task, and of tasks that are done or skipped are estimates.
    pub(crate) is_estimated: bool,
    /// All stored events.
    pub(crate) events: u64,
    /// Those of them without a task.
    pub(crate) unhandled: u64,
    /// Deliveries of events that were stored before.
    pub(crate) duplicates: u64,
    /// Those of them with another body than the first.
    pub(crate) changed_bodies: u64,
    /// Quarantined bodies.
    pub(crate) quarantined: u64,
    /// How long the oldest due task has been due, in milliseconds.
    pub(crate) oldest_due_ms: Option<i64>,
    /// One row for each handler, state and reason that occurs.
    pub(crate) handlers: Vec<HandlerStats>,
    /// The secrets that the server is configured with, or was within the last 30 days, by endpoint and label.
    pub(crate) secrets: Vec<SecretRow>,
}

/// A signing secret, and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecretRow {
    pub(crate) endpoint: String,
    /// The secret's label.
    pub(crate) secret: String,
    /// Tells it from other secrets with this label: the first 8 hexadecimal digits of its SHA-256.
    pub(crate) fingerprint: String,
    /// When a server last noted that it is configured with this secret, or used it.
    pub(crate) last_configured_ms: i64,
    /// At most [`SECRET_USE_NOTED_EVERY`](super::SECRET_USE_NOTED_EVERY) before its last use. `None` if nothing that was
    /// stored was signed with it.
    pub(crate) last_used_ms: Option<i64>,
}

/// The tasks of one handler in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HandlerStats {
    pub(crate) handler: String,
    pub(crate) state: State,
    pub(crate) why: Option<ParkReason>,
    /// The number of its tasks in this state, parked for this reason.
    pub(crate) tasks: u64,
}

/// An instance of the program that shares the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstanceRow {
    pub(crate) name: String,
    /// The program's version.
    pub(crate) version: String,
    /// How many tasks it may run at once.
    pub(crate) slots: u64,
    /// How many tasks it is running.
    pub(crate) running: u64,
    /// The ids of its handlers.
    pub(crate) handlers: Vec<String>,
    /// When it joined.
    pub(crate) joined_ms: i64,
    /// When its lease ends, unless it is renewed.
    pub(crate) lease_until_ms: i64,
    /// Whether its lease has not ended yet. If it has, another instance may take its tasks over.
    pub(crate) is_alive: bool,
}

/// What became of the tasks of instances that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only a store in PostgreSQL has instances"))]
pub(crate) struct Buried {
    /// How many instances were removed.
    pub(crate) instances: u64,
    /// How many tasks are ready again.
    pub(crate) ready: u64,
    /// How many tasks are parked, because the process ended with them too often.
    pub(crate) parked: u64,
    /// Whether another instance has the same name, and stays.
    pub(crate) has_successor: bool,
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
    /// This many tasks are ready; the others were still open, or the handlers have them of the event's twin.
    Ready(u64),
    /// The body was pruned, or was never kept.
    NoBody,
    /// There is no such event.
    Unknown,
}
