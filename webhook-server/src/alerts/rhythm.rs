//! When alerts are told: the first of a kind at once, and what follows after a minute, then at growing distances.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::alert::AlertKind;

/// How long after the first of a kind the next ones are told.
const FIRST: Duration = Duration::from_secs(60);

/// The longest time between them.
const LONGEST: Duration = Duration::from_secs(600);

/// The kinds that were told of late, and when each may be told again.
#[derive(Debug, Default)]
pub(super) struct Rhythm(BTreeMap<AlertKind, Beat>);

#[derive(Clone, Copy, Debug)]
struct Beat {
    next: Instant,
    distance: Duration,
}

impl Rhythm {
    /// Whether something of these kinds, which wait, is to be told now. A kind whose time has come without anything new is
    /// forgotten: its next one is a first one again.
    pub(super) fn is_due(&mut self, waiting: &BTreeSet<AlertKind>, now: Instant) -> bool {
        self.0.retain(|kind, beat| beat.next > now || waiting.contains(kind));
        waiting.iter().any(|kind| self.0.get(kind).is_none_or(|beat| beat.next <= now))
    }

    /// Notes that these kinds were told.
    pub(super) fn told(&mut self, kinds: &BTreeSet<AlertKind>, now: Instant) {
        for kind in kinds {
            let distance = self.0.get(kind).map_or(FIRST, |beat| LONGEST.min(beat.distance * 2));
            self.0.insert(*kind, Beat { next: now + distance, distance });
        }
    }

    /// When to look again; `None` if nothing was told of late.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|beat| beat.next).min()
    }
}
