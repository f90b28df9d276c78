//! Running the handlers of an event.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::mpsc;
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
    /// Every run holds a clone until it ends, so that a shutdown can wait for the last one.
    pub(crate) alive: mpsc::Sender<()>,
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
    /// Runs the handlers and waits for all of them.
    ///
    /// Cancel safety: the handlers go on if the caller does not wait, as when the sender hangs up.
    pub(crate) async fn dispatch(&self, envelope: Envelope) -> Result<Delivery, Refusal> {
        let envelope = Arc::new(envelope);
        let claim = Arc::new(self.in_progress.claim(&envelope.id)?);
        let handlers = self.registry.handlers_of(&envelope.event_type);
        let started: Vec<_> = handlers
            .iter()
            .map(|handler| {
                let run = self.run(handler, Arc::clone(&envelope));
                let (alive, claim) = (self.alive.clone(), Arc::clone(&claim));
                let task = tokio::spawn(async move {
                    let ran = run.await;
                    drop((alive, claim));
                    ran
                });
                (*handler, task)
            })
            .collect();
        let mut runs = Vec::with_capacity(started.len());
        for (handler, task) in started {
            // `run` fences panics itself; what is left is a runtime that shuts down.
            let ran = task.await.unwrap_or_else(|error| Ran {
                handler,
                outcome: Err(HandlerError::retry(error)),
                took: Duration::ZERO,
            });
            runs.push(ran);
        }
        Ok(Delivery { envelope, runs })
    }

    fn run(
        &self,
        handler: &'static Registration,
        envelope: Arc<Envelope>,
    ) -> impl Future<Output = Ran> + Send + 'static {
        let timeout = handler.timeout.unwrap_or(self.timeout);
        let (endpoint, states) = (Arc::clone(&self.endpoint), Arc::clone(&self.states));
        async move {
            let start = Instant::now();
            let run = Run {
                handler: handler.id,
                endpoint,
                attempt: 1,
                is_replay: false,
                deadline: Some(start + timeout),
            };
            let context = Context::new(Arc::clone(&envelope), run);
            let running = (handler.run)(Invocation::new(envelope, states, context));
            // A task of its own is the panic fence; dropping it on timeout aborts it.
            let mut task = AbortOnDrop(tokio::spawn(running));
            let outcome = match tokio::time::timeout(timeout, &mut task.0).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => Err(HandlerError::retry(Panicked::of(error))),
                Err(_) => Err(HandlerError::retry(TimedOut { after: timeout })),
            };
            Ran { handler, outcome, took: start.elapsed() }
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Outcome>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug, Error)]
#[error("cancelled: it had not ended after {}", humantime::format_duration(*after))]
struct TimedOut {
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
