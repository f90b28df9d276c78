//! One call of a handler: deadline, cancellation and panic boundary.
//!
//! The call is a task on the application's runtime. Its deadline is kept from outside: at the deadline the task is
//! stopped, which takes effect at its next await point. A handler that reaches none blocks its thread; its
//! [`AttemptHandle`] is handed back, and the caller decides how long to wait.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use thiserror::Error;
use tracing::{Instrument, Span, debug};
use webhook_core::{
    Attempt, Context, DecodeError, Envelope, HandlerError, Invocation, Outcome, Registration, Reply, States,
    StripeReader, Verdict,
};

use super::hand_over::{HandedOver, HandlerRuntime, RunEnd, Stopper};
use super::panics::PanicLocation;
use super::transaction::RunTransaction;
use crate::report::format::{chain, rounded};
use crate::report::spans;
use crate::settings::UnknownVersion;

/// Calls handlers on the application's own runtime, so that a handler that blocks or spins cannot stop the server's
/// threads.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    /// What handlers take as `State<T>`.
    pub(crate) states: Arc<States>,
    /// The timeout of handlers that set none.
    pub(crate) timeout: Duration,
    /// What becomes of events whose API version is not enabled.
    pub(crate) unknown_version: UnknownVersion,
    /// What reads from Stripe's API, if the program can.
    pub(crate) reader: Option<Arc<dyn StripeReader>>,
    pub(crate) runtime: HandlerRuntime,
}

/// The report of a run that has ended.
#[derive(Debug)]
pub(crate) struct AttemptReport {
    pub(crate) handler: &'static Registration,
    /// The number of the run, from 1.
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    /// If it did not succeed: the error and its causes on one line.
    pub(crate) error: Option<String>,
    /// What a handler with `reply` answers the sender.
    pub(crate) reply: Option<Reply>,
    /// From its first poll to its end; for a run that never returned, from its start.
    pub(crate) took: Duration,
    /// False if it was cancelled before a thread was free for it.
    pub(crate) has_started: bool,
}

impl AttemptReport {
    /// Whether the handler is finished with the event: it succeeded or skipped it.
    pub(crate) fn is_settled(&self) -> bool {
        self.outcome.as_ref().err().is_none_or(|failure| failure.verdict() == Verdict::Skip)
    }

    /// Whether the application's runtime ended under the handler, or was gone already.
    pub(crate) fn lost_its_runtime(&self) -> bool {
        self.outcome.as_ref().is_err_and(|failure| failure.cause().is::<RuntimeEnded>())
    }
}

impl Runner {
    /// Starts a run and returns at once. [`AttemptHandle::end`] cancels it at the handler's timeout, or at the attempt's
    /// deadline if that is earlier.
    pub(crate) fn start(
        &self,
        handler: &'static Registration,
        envelope: &Arc<Envelope>,
        attempt: Attempt,
    ) -> AttemptHandle {
        self.start_in(None, handler, envelope, attempt)
    }

    /// Starts a run, as [`start`](Self::start) does, of a handler that may take a transaction.
    pub(super) fn start_in(
        &self,
        transaction: Option<&Arc<RunTransaction>>,
        handler: &'static Registration,
        envelope: &Arc<Envelope>,
        mut attempt: Attempt,
    ) -> AttemptHandle {
        let started_at = Instant::now();
        let by_timeout = started_at + handler.policy.timeout.unwrap_or(self.timeout);
        let deadline = attempt.deadline.map_or(by_timeout, |deadline| deadline.min(by_timeout));
        attempt.deadline = Some(deadline);
        let number = attempt.attempt;
        let span = spans::run(envelope, &attempt);
        let context = Context::new(Arc::clone(envelope), attempt);
        let mut invocation = Invocation::new(Arc::clone(envelope), Arc::clone(&self.states), context);
        if let Some(transaction) = transaction {
            invocation = invocation.in_transactions(Arc::clone(transaction) as _);
        }
        if let Some(reader) = &self.reader {
            invocation = invocation.reading(Arc::clone(reader));
        }
        let is_refused = self.unknown_version == UnknownVersion::Park && envelope.has_other_version();
        let refused = is_refused.then(|| DecodeError::other_version(envelope).into());
        let (has_started, location) = (Arc::new(AtomicBool::new(false)), PanicLocation::default());
        let starts = Arc::clone(&has_started);
        // It holds all application code, including the handler's own call and the `Display` of its error.
        let run = location.clone().watch(async move {
            starts.store(true, Ordering::Relaxed);
            // The time spent waiting for a thread is not the handler's.
            let began = tokio::time::Instant::now();
            let returned = match refused {
                Some(error) => Err(error),
                None => (handler.run)(invocation).await,
            };
            let error = returned.as_ref().err().map(|error| chain(error.cause()));
            (returned, error, began.elapsed())
        });
        let run = self.runtime.start(run.instrument(span.clone()));
        let transaction = transaction.cloned();
        AttemptHandle {
            handler,
            attempt: number,
            started_at,
            deadline,
            has_started,
            location,
            run,
            span,
            transaction,
        }
    }
}

/// A run in progress. Dropping the handle does not stop the run.
#[derive(Debug)]
pub(crate) struct AttemptHandle {
    pub(crate) handler: &'static Registration,
    /// The number of the run, from 1.
    attempt: u32,
    started_at: Instant,
    deadline: Instant,
    /// Set when a thread polls the run for the first time.
    has_started: Arc<AtomicBool>,
    /// Where the run panicked, if it did.
    location: PanicLocation,
    run: HandedOver,
    span: Span,
    transaction: Option<Arc<RunTransaction>>,
}

impl AttemptHandle {
    /// Waits for the end, and cancels the run at its deadline. `Err` returns the handle of a run that blocks its thread
    /// and so cannot be cancelled: it has not stopped half a second after its deadline.
    ///
    /// Cancel safety: the run goes on without a deadline.
    pub(crate) async fn end(mut self) -> Result<AttemptReport, Self> {
        // A duration, not an instant: under a runtime whose clock is paused, the two clocks show different times.
        let left = self.deadline.saturating_duration_since(Instant::now());
        if let Ok(end) = tokio::time::timeout(left, self.run.end()).await {
            return Ok(self.report(end).await);
        }
        self.run.stopper().stop();
        match tokio::time::timeout(BLOCKED, self.run.end()).await {
            Ok(end) => Ok(self.report(end).await),
            Err(_) => Err(self),
        }
    }

    /// Waits, without limit, for the end of a run that cannot be cancelled.
    pub(crate) async fn end_at_last(mut self) -> AttemptReport {
        let end = self.run.end().await;
        self.report(end).await
    }

    /// The report of a run that is no longer awaited.
    pub(crate) fn given_up(self) -> AttemptReport {
        let after = self.limit();
        self.failed("timeout", Blocked { after })
    }

    /// Returns what cancels the run at its next await point.
    pub(super) fn canceller(&self) -> Stopper {
        self.run.stopper()
    }

    /// Whether the run ever got a thread.
    pub(crate) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Relaxed)
    }

    /// The longest that the run may take.
    pub(crate) fn limit(&self) -> Duration {
        self.deadline.saturating_duration_since(self.started_at)
    }

    /// Turns the end of the run into a report. A commit that was going on when the run was stopped is waited for: it counts.
    async fn report(&self, end: RunEnd) -> AttemptReport {
        let stopped = matches!(end, RunEnd::Stopped | RunEnd::RuntimeEnded);
        let committed = match &self.transaction {
            Some(transaction) if stopped => transaction.was_committed().await,
            _ => false,
        };
        let (returned, error, took) = match end {
            RunEnd::Returned(returned) => returned,
            _ if committed => (Ok(None), None, self.started_at.elapsed()),
            RunEnd::Panicked(panic) => return self.failed("panic", self.panicked(panic)),
            RunEnd::Stopped => return self.failed("timeout", TimedOut { after: self.limit() }),
            RunEnd::RuntimeEnded => return self.failed("runtime-ended", RuntimeEnded),
        };
        let (outcome, reply) = match returned {
            Ok(reply) => (Ok(()), reply),
            Err(error) => {
                if error.verdict() != Verdict::Skip {
                    spans::failed(&self.span, "handler");
                }
                (Err(error), None)
            }
        };
        let (handler, attempt) = (self.handler, self.attempt);
        AttemptReport { handler, attempt, outcome, error, reply, took, has_started: true }
    }

    /// Describes a panic without its text, which may hold a customer's data.
    fn panicked(&self, panic: Box<dyn Any + Send>) -> Panicked {
        let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => Some(*text),
            (_, text) => text.map(String::as_str),
        };
        let location = self.location.get().map(|location| format!(" at {location}")).unwrap_or_default();
        debug!(handler = self.handler.id, text, "a handler panicked{location}");
        let panicked = Panicked { location, has_text: text.is_some() };
        // The payload belongs to the application: its destructor may panic, too.
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(panic)));
        if let Err(again) = dropped {
            std::mem::forget(again);
        }
        panicked
    }

    /// The report of a run that never returned, for a reason of this kind.
    fn failed(&self, kind: &str, cause: impl std::error::Error + Send + Sync + 'static) -> AttemptReport {
        spans::failed(&self.span, kind);
        AttemptReport {
            handler: self.handler,
            attempt: self.attempt,
            error: Some(cause.to_string()),
            outcome: Err(HandlerError::retry(cause)),
            reply: None,
            took: self.started_at.elapsed(),
            has_started: self.has_started(),
        }
    }
}

/// How long after its deadline a run that has not stopped is considered to block its thread.
pub(super) const BLOCKED: Duration = Duration::from_millis(500);

/// A run that the worker cancels ends like this, too, but its report is not used.
#[derive(Debug, Error)]
#[error("cancelled: the Tokio runtime that handlers run on has ended")]
struct RuntimeEnded;

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
#[error("panicked{location} {}", if *has_text { "(its text is logged at level debug)" } else { "with a value that is not text" })]
struct Panicked {
    /// With the words before it.
    location: String,
    has_text: bool,
}
