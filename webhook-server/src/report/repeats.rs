//! What may happen very often, in the log: the first of a kind at once, the others counted, once a minute.
//!
//! Anyone can cause a refusal, and a Connect platform may receive many events of the other mode, so the log must not grow
//! with their number. The number of kinds is fixed (such as `Refusal::kind`), so a sender cannot make this grow either.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happened since the last summary, by kind.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<BTreeMap<&'static str, More>>);

/// Those of one kind, without the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) count: u64,
    /// What is known of the last one.
    pub(crate) last: String,
}

impl Repeats {
    /// Counts one. Returns whether it is the first of its kind, which is logged at once.
    pub(crate) fn is_first(&self, kind: &'static str, what: &str) -> bool {
        let mut kinds = self.kinds();
        let Some(more) = kinds.get_mut(kind) else {
            kinds.insert(kind, More::default());
            return true;
        };
        more.count += 1;
        what.clone_into(&mut more.last);
        false
    }

    /// Returns those that are not logged yet. A kind of which there was none is forgotten: its next one is a first one
    /// again.
    pub(crate) fn since_last_asked(&self) -> Vec<(&'static str, More)> {
        let mut kinds = self.kinds();
        kinds.retain(|_, more| more.count > 0);
        kinds.iter_mut().map(|(kind, more)| (*kind, std::mem::take(more))).collect()
    }

    fn kinds(&self) -> MutexGuard<'_, BTreeMap<&'static str, More>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_told_at_once_and_the_others_once_a_minute() {
        let refusals = Repeats::default();
        let told = (0..300).filter(|number| refusals.is_first("path", &format!("scan {number}")));
        assert_eq!(told.count(), 1);
        assert!(refusals.is_first("method", "GET"), "another kind has a first one, too");
        let more = More { count: 299, last: "scan 299".to_owned() };
        assert_eq!(refusals.since_last_asked(), [("path", more)]);

        // In the next minute there are two more, in the one after that none.
        assert!(!refusals.is_first("path", "") && !refusals.is_first("path", ""));
        assert_eq!(refusals.since_last_asked()[0].1.count, 2);
        assert_eq!(refusals.since_last_asked(), []);
        assert!(refusals.is_first("path", ""));
    }
}
