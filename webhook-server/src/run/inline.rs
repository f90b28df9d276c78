//! Without an inbox: the handlers of an event run before the answer, which tells how they ended.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use webhook_core::{Envelope, Registry};

use crate::receive::outcome::{Handled, Refusal};
use crate::run::attempt::{AttemptHandle, Runner, Start};

/// Runs every handler of an event at once, each on its own.
#[derive(Debug)]
pub(crate) struct Inline {
    pub(crate) registry: Arc<Registry>,
    pub(crate) runner: Runner,
    pub(crate) endpoint: Arc<str>,
    pub(crate) in_progress: InProgress,
    /// Whether the answer is that of an inbox, which stores an event whatever its handlers make of it.
    pub(crate) answers_as_stored: bool,
    /// How many runs failed, or were parked.
    pub(crate) unsuccessful: AtomicUsize,
}

impl Inline {
    /// Runs the handlers of the event's type and waits for all of them.
    ///
    /// Cancel safety: handlers that were started go on.
    pub(crate) async fn handle(&self, envelope: Envelope) -> Result<Handled, Refusal> {
        let envelope = Arc::new(envelope);
        let _claim = self.in_progress.claim(&envelope)?;
        let handlers = self.registry.handlers_of(&envelope.event_type);
        let start = |handler| self.runner.start(handler, &envelope, Start::first(&self.endpoint, None));
        let started: Vec<_> = handlers.iter().copied().map(start).collect();
        let mut runs = Vec::with_capacity(started.len());
        for run in started {
            runs.push(run.end().await.unwrap_or_else(AttemptHandle::given_up));
        }
        let unsuccessful = runs.iter().filter(|run| !run.is_settled()).count();
        self.unsuccessful.fetch_add(unsuccessful, Ordering::Relaxed);
        Ok(Handled { envelope, runs })
    }
}

/// The keys of the events whose handlers are running: the same event may arrive twice at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct InProgress(Arc<Mutex<HashSet<String>>>);

impl InProgress {
    fn claim(&self, envelope: &Envelope) -> Result<Claim, Refusal> {
        let event_key = envelope.key();
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event_key.clone()) {
            Ok(Claim { of: self.clone(), event_key })
        } else {
            Err(Refusal::InProgress { event_id: envelope.id.clone() })
        }
    }
}

/// An event in progress, until it is dropped.
struct Claim {
    of: InProgress,
    event_key: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.event_key);
    }
}
