//! What lasts: an alert when it has lasted for too long, and one when it is over.

use std::time::Duration;

use tokio::time::Instant;

/// Something that should not last.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    since: Option<Instant>,
    /// Whether an alert was given, and no end yet.
    is_told: bool,
}

/// A change that is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It has lasted for so long.
    TooLong(Duration),
    Over,
}

impl Lasting {
    /// Notes whether it is so at present.
    pub(super) fn note(&mut self, is_so: bool, limit: Duration) -> Option<Change> {
        let since = if is_so { Some(*self.since.get_or_insert_with(Instant::now)) } else { None };
        self.since = since;
        self.note_for(since.map_or(Duration::ZERO, |since| since.elapsed()), limit)
    }

    /// Notes for how long it has been so. It is over when that is less than half of the limit, so that what stays near the
    /// limit is told once.
    pub(super) fn note_for(&mut self, lasting: Duration, limit: Duration) -> Option<Change> {
        if lasting > limit && !self.is_told {
            self.is_told = true;
            return Some(Change::TooLong(lasting));
        }
        if lasting < limit / 2 && self.is_told {
            self.is_told = false;
            return Some(Change::Over);
        }
        None
    }
}
