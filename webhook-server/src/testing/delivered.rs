//! What became of a delivery, and of the tasks, for a test's assertions.

use std::fmt::Write;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use webhook_core::{HandlerError, Outcome};

use super::runs::{Ended, Recorded};
use crate::receive::outcome::{Outcome as Received, Receipt, Refusal};
use crate::report::format::chain;
pub use crate::store::State as TaskState;
use crate::store::TaskRow;

/// What became of a delivery: the answer, and through [`Runs`] the runs of the event's handlers.
#[derive(Debug)]
pub struct Delivered {
    /// The name of the endpoint that it was delivered to.
    pub(super) endpoint: Arc<str>,
    pub(super) body: Bytes,
    status: u16,
    refusal: Option<Refusal>,
    quarantined: Option<String>,
    is_duplicate: bool,
    runs: Runs,
}

/// The runs that a delivery, or the passing of time, made.
#[derive(Debug)]
pub struct Runs {
    /// What made them, for a failed assertion.
    cause: String,
    /// In the order of the handlers' ids, and of one handler in that of the runs.
    ended: Vec<Ended>,
}

/// A handler's work on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// The event's id, `evt_…`.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// The handler's id.
    pub handler: String,
    /// The task's state.
    pub state: TaskState,
    /// How many runs there have been.
    pub attempts: u32,
    /// The last run's error, if it did not succeed.
    pub error: Option<String>,
}

impl Delivered {
    /// `since` is the number of runs that were recorded before the delivery.
    pub(super) fn new(
        endpoint: &Arc<str>,
        status: u16,
        body: Bytes,
        outcome: Received,
        recorded: &Recorded,
        since: usize,
    ) -> Self {
        let (mut refusal, mut quarantined, mut is_duplicate) = (None, None, false);
        let cause;
        let answered = |event_type: &str| format!("{event_type} was answered with {status}");
        let runs_of = |key: String| {
            let runs = recorded.since(since).into_iter().filter(move |run| run.event_key == key);
            runs.map(|run| run.ended).collect()
        };
        let mut ended = Vec::new();
        match outcome {
            Ok(Receipt::Stored { envelope, .. }) => {
                cause = answered(&envelope.event_type);
                ended = runs_of(envelope.key());
            }
            Ok(Receipt::Handled(handled)) => {
                cause = answered(&handled.envelope.event_type);
                ended = handled.attempts.into_iter().map(Ended::inline).collect();
            }
            Ok(Receipt::Duplicate { envelope, tasks, .. }) => {
                cause = format!("{}, as a duplicate", answered(&envelope.event_type));
                is_duplicate = true;
                if tasks > 0 {
                    ended = runs_of(envelope.key());
                }
            }
            Ok(Receipt::OtherMode { livemode, .. }) => {
                let mode = if livemode { "live" } else { "test" };
                cause = format!(
                    "the endpoint takes no {mode} events, so it was answered with {status} and not handled"
                );
            }
            Ok(Receipt::Quarantined { reason, .. }) => {
                cause = format!("it went into quarantine: {reason}");
                quarantined = Some(reason);
            }
            Err(refused) => {
                cause = format!("the request was refused ({status}): {}", chain(&refused));
                refusal = Some(refused);
            }
        }
        let endpoint = Arc::clone(endpoint);
        Self { endpoint, body, status, refusal, quarantined, is_duplicate, runs: Runs::of(cause, ended) }
    }

    /// Returns the status that Stripe would get.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Tells whether the event had been delivered before, so that its handlers do not run again. Through another endpoint
    /// than before, it still runs that endpoint's own handlers.
    pub fn is_duplicate(&self) -> bool {
        self.is_duplicate
    }

    /// Returns why the request was refused before any handler ran, with its causes; `None` if it was not.
    pub fn refusal(&self) -> Option<String> {
        self.refusal.as_ref().map(|refusal| chain(refusal))
    }

    /// Returns why the delivery is not an event that can be dispatched, or why the inbox cannot keep it
    /// as one, so that it goes into quarantine. `None` for an event, and without an inbox, where it is refused.
    pub fn quarantined(&self) -> Option<String> {
        self.quarantined.clone()
    }
}

impl Deref for Delivered {
    type Target = Runs;

    fn deref(&self) -> &Runs {
        &self.runs
    }
}

impl Runs {
    /// The runs after the first `since`.
    pub(super) fn new(cause: String, recorded: &Recorded, since: usize) -> Self {
        Self::of(cause, recorded.since(since).into_iter().map(|run| run.ended).collect())
    }

    fn of(cause: String, mut ended: Vec<Ended>) -> Self {
        ended.sort_by_key(|ended| ended.report.handler.id);
        Self { cause, ended }
    }

    /// Returns the ids of the handlers that ran, sorted; one that ran several times, several times.
    pub fn handlers(&self) -> Vec<&'static str> {
        self.ended.iter().map(|ended| ended.report.handler.id).collect()
    }

    /// Returns how the handler's last run ended; `None` if it did not run. The handler is named by its id or by the end
    /// of it, which is the function's name.
    pub fn outcome(&self, handler: &str) -> Option<&Outcome> {
        self.last(handler).map(|ended| &ended.report.outcome)
    }

    fn last(&self, handler: &str) -> Option<&Ended> {
        let named =
            |id: &str| id.strip_suffix(handler).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"));
        self.ended.iter().rfind(|ended| named(ended.report.handler.id))
    }

    /// Asserts that a handler ran and, the last time, succeeded.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_done(&self, handler: &str) {
        let done = matches!(self.outcome(handler), Some(Ok(())));
        assert!(done, "`{handler}` did not run and succeed; {}", self.describe());
    }

    /// Asserts that a handler ran and, the last time, did not succeed, and returns the error.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_failed(&self, handler: &str) -> &HandlerError {
        match self.outcome(handler) {
            Some(Err(error)) => error,
            _ => panic!("`{handler}` did not run and fail; {}", self.describe()),
        }
    }

    /// Asserts that a handler ran and its task is parked, and returns the last run's error. A task is parked if the handler
    /// asks for it, if the event does not fit the handler's type, and after the last attempt.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_parked(&self, handler: &str) -> &HandlerError {
        self.error_in(handler, TaskState::Parked)
            .unwrap_or_else(|| panic!("`{handler}` did not run and park the event; {}", self.describe()))
    }

    /// Asserts that a handler ran and, the last time, skipped the event, and returns the reason as an error.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_skipped(&self, handler: &str) -> &HandlerError {
        self.error_in(handler, TaskState::Skipped)
            .unwrap_or_else(|| panic!("`{handler}` did not run and skip the event; {}", self.describe()))
    }

    /// The error of a handler's last run, if it left the task in this state.
    fn error_in(&self, handler: &str, state: TaskState) -> Option<&HandlerError> {
        self.last(handler).filter(|ended| ended.left == state)?.report.outcome.as_ref().err()
    }

    /// What caused the runs and how each ended, for a failed assertion.
    fn describe(&self) -> String {
        let mut text = format!("{}, and these ran:", self.cause);
        for Ended { report, left } in &self.ended {
            let outcome = match (left, &report.error) {
                (TaskState::Skipped, Some(error)) => format!("skipped: {error}"),
                (TaskState::Parked, Some(error)) => format!("parked: {error}"),
                (_, Some(error)) => format!("failed: {error}"),
                (_, None) => "done".to_owned(),
            };
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  {}: {outcome}", report.handler.id);
        }
        if self.ended.is_empty() {
            text.push_str(" none");
        }
        text
    }
}

impl From<TaskRow> for Task {
    fn from(row: TaskRow) -> Self {
        Self {
            event_id: row.event_id,
            event_type: row.event_type,
            handler: row.handler,
            state: row.state,
            attempts: row.attempt,
            error: row.error,
        }
    }
}
