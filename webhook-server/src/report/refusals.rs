//! Refused requests in the log: the first of a kind at once, the others once a minute, counted.
//!
//! Anyone can have a request refused, so what is logged of them must not grow with their number.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often [`Refusals::in_the_last_minute`] is to be asked.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// What was refused in the minute that runs.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<&'static str, More>>);

/// The refusals of a kind, but for the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) count: u64,
    /// Why the last one was refused.
    pub(crate) reason: String,
}

impl Refusals {
    /// Counts a refusal. `true` for the first of its kind, which is to be logged at once.
    pub(crate) fn is_first(&self, kind: &'static str, reason: &str) -> bool {
        let mut kinds = self.kinds();
        let Some(more) = kinds.get_mut(kind) else {
            kinds.insert(kind, More::default());
            return true;
        };
        more.count += 1;
        reason.clone_into(&mut more.reason);
        false
    }

    /// Returns what was refused since this was asked last and is not logged yet. Of what was not, the next is a first
    /// one again.
    pub(crate) fn in_the_last_minute(&self) -> Vec<(&'static str, More)> {
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
        let refusals = Refusals::default();
        let told = (0..300).filter(|number| refusals.is_first("path", &format!("scan {number}")));
        assert_eq!(told.count(), 1);
        assert!(refusals.is_first("method", "GET"), "another kind has a first one, too");
        let more = More { count: 299, reason: "scan 299".to_owned() };
        assert_eq!(refusals.in_the_last_minute(), [("path", more)]);

        // In the next minute there are two more, in the one after that none.
        assert!(!refusals.is_first("path", "") && !refusals.is_first("path", ""));
        assert_eq!(refusals.in_the_last_minute()[0].1.count, 2);
        assert_eq!(refusals.in_the_last_minute(), []);
        assert!(refusals.is_first("path", ""));
    }
}
