//! The runs of an application under test.
//!
//! They are recorded from the same facts as the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webhook_core::{Outcome, Verdict};

use crate::report::{AttemptEnded, Fact, Sink};
use crate::run::attempt::AttemptReport;
use crate::store::{Disposition, State};

/// A sink that keeps the reports of all runs.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    runs: Mutex<Vec<Run>>,
}

/// A run and the event that it was for.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) event_key: String,
    pub(super) ended: Ended,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) report: Arc<AttemptReport>,
    /// Where it left its task: `Ready` if the handler failed and is to run again.
    pub(super) left: State,
}

impl Sink for Recorded {
    fn note(&self, fact: &Fact<'_>) {
        if let Fact::AttemptEnded(AttemptEnded { envelope, report: Some(report), disposition, .. }) = *fact {
            let ended = Ended { report: Arc::clone(report), left: state_after(disposition) };
            let run = Run { event_key: envelope.key(), ended };
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

impl Ended {
    /// A run of an application without an inbox, where only the handler parks and skips.
    pub(super) fn inline(report: AttemptReport) -> Self {
        let left = state_asked_for(&report.outcome);
        Self { report: Arc::new(report), left }
    }
}

fn state_asked_for(outcome: &Outcome) -> State {
    match outcome.as_ref().map_err(|error| error.verdict()) {
        Ok(()) => State::Done,
        Err(Verdict::Skip) => State::Skipped,
        Err(Verdict::Park) => State::Parked,
        Err(_) => State::Ready,
    }
}

fn state_after(disposition: &Disposition) -> State {
    match disposition {
        Disposition::Done => State::Done,
        Disposition::Skipped { .. } => State::Skipped,
        Disposition::Parked { .. } => State::Parked,
        Disposition::Retry { .. } | Disposition::Released => State::Ready,
    }
}
