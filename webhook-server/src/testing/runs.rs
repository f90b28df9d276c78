//! The runs of an application under test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::report::{AttemptEnded, Fact, Sink};
use crate::run::attempt::AttemptReport;

/// A sink that keeps the reports of all runs.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    runs: Mutex<Vec<Run>>,
    /// The id of a handler that blocks its thread.
    blocked: watch::Sender<Option<&'static str>>,
}

/// A run and the event that it was for.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) event_key: String,
    pub(super) report: Arc<AttemptReport>,
}

impl Sink for Recorded {
    fn note(&self, fact: &Fact<'_>) {
        match *fact {
            Fact::AttemptEnded(AttemptEnded { envelope, report: Some(report), .. }) => {
                let run = Run { event_key: envelope.key(), report: Arc::clone(report) };
                self.runs().push(run);
            }
            Fact::AttemptBlocks { handler, has_started: true, .. } => {
                self.blocked.send_replace(Some(handler));
            }
            _ => {}
        }
    }
}

impl Recorded {
    /// The number of runs so far.
    pub(super) fn len(&self) -> usize {
        self.runs().len()
    }

    /// The runs after the first `since`.
    pub(super) fn since(&self, since: usize) -> Vec<Run> {
        self.runs().iter().skip(since).cloned().collect()
    }

    /// Returns the id of a handler when it blocks its thread.
    pub(super) async fn blocked(&self) -> &'static str {
        let mut blocked = self.blocked.subscribe();
        let handler = blocked.wait_for(Option::is_some).await.map(|handler| *handler);
        // An error cannot occur: the sender is in `self`.
        match handler.ok().flatten() {
            Some(handler) => handler,
            None => std::future::pending().await,
        }
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
