//! What is tried again and again while the store fails, in the log: that it fails, once, and that it works again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is tried again and again until the store does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Retried {
    Claim,
    ClearSuspect,
    Completion,
    Finish,
    Join,
    Renew,
}

impl Retried {
    /// Says that it failed.
    pub(super) fn failed(self) -> &'static str {
        match self {
            Self::Claim => "the due tasks could not be read from the inbox",
            Self::ClearSuspect => "a run could not be cleared of suspicion yet",
            Self::Completion => "it is not known yet whether a handler's transaction was committed",
            Self::Finish => "the end of a run could not be stored yet",
            Self::Join => "this instance could not join again yet",
            Self::Renew => "the lease could not be renewed yet",
        }
    }

    /// What it is, in a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::ClearSuspect => "clear-suspect",
            Self::Completion => "completion",
            Self::Finish => "finish",
            Self::Join => "join",
            Self::Renew => "renew",
        }
    }

    /// Says that it works again.
    pub(super) fn works(self) -> &'static str {
        match self {
            Self::Claim => "the due tasks can be read from the inbox again",
            Self::ClearSuspect => "runs can be cleared of suspicion again",
            Self::Completion => "the inbox says again which handlers' transactions were committed",
            Self::Finish => "the ends of runs can be stored again",
            Self::Join => "this instance has joined again",
            Self::Renew => "the lease can be renewed again",
        }
    }
}

/// What fails at present, and since when.
#[derive(Debug, Default)]
pub(super) struct Outages(Mutex<BTreeMap<Retried, Instant>>);

impl Outages {
    /// Notes that it failed. Returns whether it had worked before.
    pub(super) fn begins(&self, what: Retried) -> bool {
        let mut failing = self.failing();
        let before = failing.len();
        failing.entry(what).or_insert_with(Instant::now);
        failing.len() > before
    }

    /// Notes that it worked. Returns for how long it had failed, if it had.
    pub(super) fn ends(&self, what: Retried) -> Option<Duration> {
        Some(self.failing().remove(&what)?.elapsed())
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<Retried, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begin_and_the_end_are_told_once() {
        let outages = Outages::default();
        assert_eq!(outages.ends(Retried::Claim), None, "it has not failed");
        for _ in 0..2 {
            assert!(outages.begins(Retried::Claim));
            assert!((0..100).all(|_| !outages.begins(Retried::Claim)));
            assert!(outages.begins(Retried::Finish), "that is another");
            for what in [Retried::Claim, Retried::Finish] {
                assert!(outages.ends(what).is_some() && outages.ends(what).is_none());
            }
        }
    }
}
