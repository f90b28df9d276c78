//! One run of a handler: behind a timeout and a panic fence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument, debug, info_span};
use webhook_core::{
    Attempt, Context, Envelope, HandlerError, HandlerResult, Invocation, Outcome, Registration, Reply,
    States, Verdict,
};

use crate::report::format::{chain, rounded};
use crate::run::panics::PanicLocation;

/// Starts handlers on the application's runtime, which is theirs alone: what they do to it does not reach whoever
/// receives events and watches over runs.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) states: Arc<States>,
    /// How long a run may take whose handler does not say.
    pub(crate) timeout: Duration,
    /// `None` is the runtime that starts the run.
    pub(crate) runtime: Option<Handle>,
}

/// What is known of a run before it starts.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) endpoint: Arc<str>,
    pub(crate) attempt: u32,
    pub(crate) is_replay: bool,
    pub(crate) is_stale: bool,
    /// When the sender stops waiting, if it waits for this run.
    pub(crate) awaited_until: Option<Instant>,
}

impl Start {
    /// The first run, soon after the event arrived.
    pub(crate) fn first(endpoint: &Arc<str>, awaited_until: Option<Instant>) -> Self {
        let endpoint = Arc::clone(endpoint);
        Self { endpoint, attempt: 1, is_replay: false, is_stale: false, awaited_until }
    }
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct AttemptReport {
    pub(crate) handler: &'static Registration,
    pub(crate) outcome: Outcome,
    /// If it did not succeed: the error and its causes on one line.
    pub(crate) error: Option<String>,
    pub(crate) reply: Option<Reply>,
    pub(crate) took: Duration,
    /// False if it was cancelled while it still waited for a thread.
    pub(crate) has_begun: bool,
}

impl AttemptReport {
    /// Whether the handler is done with the event: it succeeded, or wants to hear no more of it.
    pub(crate) fn is_settled(&self) -> bool {
        self.outcome.as_ref().err().is_none_or(|failure| failure.verdict() == Verdict::Skip)
    }
}

impl Runner {
    pub(crate) fn start(
        &self,
        handler: &'static Registration,
        envelope: &Arc<Envelope>,
        start: Start,
    ) -> AttemptHandle {
        let started_at = Instant::now();
        let by_policy = started_at + handler.policy.timeout.unwrap_or(self.timeout);
        let deadline = start.awaited_until.map_or(by_policy, |awaited| awaited.min(by_policy));
        let run = Attempt {
            handler: handler.id,
            endpoint: start.endpoint,
            attempt: start.attempt,
            is_replay: start.is_replay,
            is_stale: start.is_stale,
            deadline: Some(deadline),
        };
        let span = info_span!("handler", handler = handler.id, event_id = envelope.id);
        let context = Context::new(Arc::clone(envelope), run);
        let invocation = Invocation::new(Arc::clone(envelope), Arc::clone(&self.states), context);
        // A task of its own is the panic fence; the call itself may panic as well.
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let place = PanicLocation::default();
        let run = place.clone().of(async move {
            begins.store(true, Ordering::Relaxed);
            // What it waits for a thread is not the handler's time.
            let began = tokio::time::Instant::now();
            let returned = (handler.run)(invocation).await;
            // How an error words itself is the application's code, too.
            let error = returned.as_ref().err().map(|error| chain(error.cause()));
            (returned, error, began.elapsed())
        });
        let run = run.instrument(span);
        let task = match &self.runtime {
            Some(runtime) => runtime.spawn(run),
            None => tokio::spawn(run),
        };
        AttemptHandle { handler, started_at, deadline, begun, place, task }
    }
}

/// A run in progress. It goes on if this is dropped.
#[derive(Debug)]
pub(crate) struct AttemptHandle {
    pub(crate) handler: &'static Registration,
    started_at: Instant,
    deadline: Instant,
    begun: Arc<AtomicBool>,
    place: PanicLocation,
    task: JoinHandle<(HandlerResult, Option<String>, Duration)>,
}

impl AttemptHandle {
    /// Waits for the end, and cancels the run at its deadline. `Err` gives the run back if it cannot be cancelled,
    /// because it does not let go of its thread.
    pub(crate) async fn end(mut self) -> Result<AttemptReport, Self> {
        let joined = match tokio::time::timeout_at(self.deadline.into(), &mut self.task).await {
            Ok(joined) => joined,
            Err(_) => {
                self.task.abort();
                match tokio::time::timeout(BLOCKED, &mut self.task).await {
                    Ok(joined) => joined,
                    Err(_) => return Err(self),
                }
            }
        };
        Ok(self.ran(joined))
    }

    /// Waits for the end of a run that cannot be cancelled, however long that takes.
    pub(crate) async fn end_at_last(mut self) -> AttemptReport {
        let joined = (&mut self.task).await;
        self.ran(joined)
    }

    /// What is to be said of a run that nobody waits for any longer.
    pub(crate) fn given_up(self) -> AttemptReport {
        let after = self.limit();
        self.failed(Blocked { after })
    }

    /// Has the run cancelled where it next waits for something.
    pub(crate) fn canceller(&self) -> tokio::task::AbortHandle {
        self.task.abort_handle()
    }

    /// Whether it ever had a thread.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// How long the run might take.
    pub(crate) fn limit(&self) -> Duration {
        self.deadline.saturating_duration_since(self.started_at)
    }

    fn ran(&self, joined: Result<(HandlerResult, Option<String>, Duration), JoinError>) -> AttemptReport {
        let (returned, error, took) = match joined.map_err(JoinError::try_into_panic) {
            Ok(ended) => ended,
            Err(Ok(panic)) => return self.failed(self.panicked(panic)),
            Err(Err(_cancelled)) => return self.failed(TimedOut { after: self.limit() }),
        };
        let (outcome, reply) = match returned {
            Ok(reply) => (Ok(()), reply),
            Err(error) => (Err(error), None),
        };
        AttemptReport { handler: self.handler, outcome, error, reply, took, has_begun: true }
    }

    /// A run that panicked. The text of the panic may hold a customer's data.
    fn panicked(&self, panic: Box<dyn Any + Send>) -> Panicked {
        let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => Some(*text),
            (_, text) => text.map(String::as_str),
        };
        let place = self.place.get().map(|place| format!(" at {place}")).unwrap_or_default();
        debug!(handler = self.handler.id, text, "a handler panicked{place}");
        let panicked = Panicked { place, has_text: text.is_some() };
        // What is dropped is the application's: it may panic once more.
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(panic)));
        if let Err(again) = dropped {
            std::mem::forget(again);
        }
        panicked
    }

    /// A run that did not come to a return.
    fn failed(&self, cause: impl std::error::Error + Send + Sync + 'static) -> AttemptReport {
        let (error, took) = (Some(cause.to_string()), self.started_at.elapsed());
        let outcome = Err(HandlerError::retry(cause));
        AttemptReport {
            handler: self.handler,
            outcome,
            error,
            reply: None,
            took,
            has_begun: self.has_begun(),
        }
    }
}

/// How long after its deadline a run is taken to block its thread.
const BLOCKED: Duration = Duration::from_millis(500);

#[derive(Debug, Error)]
#[error("cancelled: it had not ended after {}", rounded(*after))]
struct TimedOut {
    after: Duration,
}

#[derive(Debug, Error)]
#[error(
    "given up after {}: it blocks its thread and cannot be cancelled; give what it calls a timeout, or await it",
    rounded(*after)
)]
struct Blocked {
    after: Duration,
}

#[derive(Debug, Error)]
#[error("panicked{place} {}", if *has_text { "(its text is logged at level debug)" } else { "with a value that is not text" })]
struct Panicked {
    /// With the words before it.
    place: String,
    has_text: bool,
}
