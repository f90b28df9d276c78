//! Running the handlers of an event.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tracing::{Instrument, info_span};
use webhook_core::{
    Context, Envelope, HandlerError, Invocation, Outcome, Registration, Registry, Run, States,
};

use crate::reply::Refusal;

/// Runs every handler of an event at once, each on its own: behind a timeout and a panic fence.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) registry: Registry,
    pub(crate) states: Arc<States>,
    pub(crate) endpoint: Arc<str>,
    pub(crate) timeout: Duration,
    pub(crate) in_progress: InProgress,
}

/// One event and what its handlers made of it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) envelope: Arc<Envelope>,
    /// In the order of the handlers' ids. Empty if the type has no handler.
    pub(crate) runs: Vec<Ran>,
}

/// One run of a handler.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) handler: &'static Registration,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl Dispatcher {
    /// Runs the handlers of the event's type and waits for all of them.
    ///
    /// Cancel safety: handlers that were started go on.
    pub(crate) async fn dispatch(&self, envelope: Envelope) -> Result<Delivery, Refusal> {
        let envelope = Arc::new(envelope);
        let _claim = self.in_progress.claim(&envelope.id)?;
        let handlers = self.registry.handlers_of(&envelope.event_type);
        let started: Vec<_> =
            handlers.iter().map(|handler| self.start(handler, Arc::clone(&envelope))).collect();
        let mut runs = Vec::with_capacity(started.len());
        for run in started {
            runs.push(run.finish().await);
        }
        Ok(Delivery { envelope, runs })
    }

    fn start(&self, handler: &'static Registration, envelope: Arc<Envelope>) -> Started {
        let started_at = Instant::now();
        let timeout = handler.policy.timeout.unwrap_or(self.timeout);
        let run = Run {
            handler: handler.id,
            endpoint: Arc::clone(&self.endpoint),
            attempt: 1,
            is_replay: false,
            deadline: Some(started_at + timeout),
        };
        let span = info_span!("handler", handler = handler.id, event_id = envelope.id);
        let context = Context::new(Arc::clone(&envelope), run);
        let states = Arc::clone(&self.states);
        // A task of its own is the panic fence.
        let task = tokio::spawn(
            async move {
                let running = (handler.run)(Invocation::new(envelope, states, context));
                let outcome = tokio::time::timeout(timeout, running).await.ok().map(|returned| returned.map(drop));
                (outcome, started_at.elapsed())
            }
            .instrument(span),
        );
        Started { handler, started_at, timeout, task }
    }
}

/// A run in progress.
struct Started {
    handler: &'static Registration,
    started_at: Instant,
    timeout: Duration,
    /// The outcome, or none on timeout; and how long it took.
    task: tokio::task::JoinHandle<(Option<Outcome>, Duration)>,
}

impl Started {
    async fn finish(mut self) -> Ran {
        // The task has its own timeout, which a handler that blocks its thread does not let come: hence a second one.
        let deadline = self.started_at + self.timeout + BLOCKED;
        let (outcome, took) = match tokio::time::timeout_at(deadline.into(), &mut self.task).await {
            Ok(Ok((Some(outcome), took))) => (outcome, took),
            Ok(Ok((None, took))) => (Err(HandlerError::retry(TimedOut { after: self.timeout })), took),
            Ok(Err(error)) => (Err(HandlerError::retry(Panicked::of(error))), self.started_at.elapsed()),
            Err(_) => {
                self.task.abort();
                (Err(HandlerError::retry(Blocked { after: self.timeout })), self.started_at.elapsed())
            }
        };
        Ran { handler: self.handler, outcome, took }
    }
}

/// How long after its timeout a handler is taken to block its thread.
const BLOCKED: Duration = Duration::from_millis(500);

#[derive(Debug, Error)]
#[error("cancelled: it had not ended after {}", humantime::format_duration(*after))]
struct TimedOut {
    after: Duration,
}

#[derive(Debug, Error)]
#[error(
    "given up after {}: it blocks its thread and cannot be cancelled; move blocking work to `spawn_blocking`",
    humantime::format_duration(*after)
)]
struct Blocked {
    after: Duration,
}

#[derive(Debug, Error)]
#[error("panicked: {message}")]
struct Panicked {
    message: String,
}

impl Panicked {
    fn of(error: tokio::task::JoinError) -> Self {
        let message = match error.try_into_panic() {
            Ok(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
                (Some(text), _) => (*text).to_owned(),
                (_, Some(text)) => text.clone(),
                _ => "with something other than text".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        Self { message }
    }
}

/// The ids of the events whose handlers are running: the same event may arrive twice at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct InProgress(Arc<Mutex<HashSet<String>>>);

impl InProgress {
    fn claim(&self, event_id: &str) -> Result<Claim, Refusal> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event_id.to_owned()) {
            Ok(Claim { of: self.clone(), event_id: event_id.to_owned() })
        } else {
            Err(Refusal::InProgress { event_id: event_id.to_owned() })
        }
    }
}

/// An event in progress, until it is dropped.
struct Claim {
    of: InProgress,
    event_id: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.event_id);
    }
}
