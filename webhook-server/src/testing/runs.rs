//! The runs of an application under test.
//!
//! They are recorded from the same facts as the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::report::{AttemptEnded, Fact, Sink};
use crate::run::attempt::AttemptReport;

/// A sink that keeps the reports of all runs.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    runs: Mutex<Vec<Run>>,
}

/// A run and the event that it was for.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) event_key: String,
    pub(super) report: Arc<AttemptReport>,
}

impl Sink for Recorded {
    fn note(&self, fact: &Fact<'_>) {
        if let Fact::AttemptEnded(AttemptEnded { envelope, report: Some(report), .. }) = *fact {
            let run = Run { event_key: envelope.key(), report: Arc::clone(report) };
            self.runs().push(run);
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

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
