//! Without an inbox: an event's handlers run before the answer, which depends on how they ended.
//!
//! Nothing is stored, so Stripe's own retries are the only ones, and each of them runs all handlers of the event again.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use webhook_core::{Attempt, DecodeError, Envelope, Registry};

use super::attempt::{AttemptHandle, AttemptReport, Runner};
use crate::receive::outcome::{Handled, Refusal};

/// Runs all handlers of an event at once.
#[derive(Debug)]
pub(crate) struct Inline {
    pub(crate) registry: Arc<Registry>,
    runner: Runner,
    /// Whether an event that does not fit its handler's type counts as handled.
    accept_undecodable: bool,
    running: RunningEvents,
}

impl Inline {
    pub(crate) fn new(registry: Arc<Registry>, runner: Runner, accept_undecodable: bool) -> Self {
        Self { registry, runner, accept_undecodable, running: RunningEvents::default() }
    }

    /// Runs the handlers of the event's type at this endpoint side by side and waits for all of them.
    ///
    /// # Errors
    ///
    /// Fails if another delivery of the same event is being handled.
    ///
    /// Cancel safety: handlers that were started go on.
    pub(crate) async fn handle(&self, envelope: Envelope, endpoint: &Arc<str>) -> Result<Handled, Refusal> {
        let envelope = Arc::new(envelope);
        let _claim = self.running.claim(&envelope)?;
        let handlers = self.registry.handlers_at(&envelope.event_type, [&**endpoint]);
        let started: Vec<_> = handlers
            .into_iter()
            .map(|handler| {
                let attempt = Attempt {
                    handler: handler.id,
                    endpoint: Arc::clone(endpoint),
                    attempt: 1,
                    is_replay: false,
                    is_stale: false,
                    deadline: None,
                };
                self.runner.start(handler, &envelope, attempt)
            })
            .collect();
        let mut attempts = Vec::with_capacity(started.len());
        for run in started {
            attempts.push(run.end().await.unwrap_or_else(AttemptHandle::given_up));
        }
        let is_success = attempts.iter().all(|report| self.is_success(report));
        Ok(Handled { envelope, attempts, is_success })
    }

    /// Whether the sender need not send the event again for this handler. A parked event is not a success: parked means
    /// kept for a person, and without an inbox only Stripe keeps it.
    fn is_success(&self, report: &AttemptReport) -> bool {
        let is_undecodable = || report.outcome.as_ref().is_err_and(|error| error.cause().is::<DecodeError>());
        report.is_settled() || (self.accept_undecodable && is_undecodable())
    }
}

/// The events whose handlers are running: the same event may arrive twice at once.
#[derive(Clone, Debug, Default)]
struct RunningEvents(Arc<Mutex<HashSet<ByKey>>>);

/// An event that equals another one if they have the same key. The key is made only for events with the same id.
#[derive(Clone, Debug)]
struct ByKey(Arc<Envelope>);

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && (Arc::ptr_eq(&self.0, &other.0) || self.0.key() == other.0.key())
    }
}

impl Eq for ByKey {}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.id.hash(hasher);
    }
}

impl RunningEvents {
    /// Claims an event for one delivery, until the claim is dropped.
    fn claim(&self, envelope: &Arc<Envelope>) -> Result<RunningEvent, Refusal> {
        let event = ByKey(Arc::clone(envelope));
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event.clone()) {
            Ok(RunningEvent { events: self.clone(), event })
        } else {
            Err(Refusal::InProgress { event_id: envelope.id.clone() })
        }
    }
}

/// An event whose handlers are running, until it is dropped.
struct RunningEvent {
    events: RunningEvents,
    event: ByKey,
}

impl Drop for RunningEvent {
    fn drop(&mut self) {
        self.events.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.event);
    }
}
