//! Events in API versions that the program was not made for, in the log: each version once an hour.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;
use webhook_core::catalog::{Version, enabled_names};

/// How long a version is not told again.
const SILENCE: Duration = Duration::from_secs(60 * 60);

/// The number of versions that the catalog does not know and that are told apart. Verified events come from Stripe, which has
/// few.
const MOST: usize = 64;

/// The versions that were told, and when.
#[derive(Debug, Default)]
pub(super) struct OtherVersions(Mutex<HashMap<String, Instant>>);

impl OtherVersions {
    /// Warns of an event's version, unless that was done in the last hour.
    pub(super) fn tell(&self, event_id: &str, version: &str) {
        if !self.is_due(version, Instant::now()) {
            return;
        }
        let enabled = enabled_names();
        match Version::of(version) {
            Some(known) => warn!(
                event_id,
                api_version = version,
                enabled,
                "an event has an API version that the program was not made for: enable the feature `{}`, or give the endpoint \
                 an enabled version; `unknown-version` says what becomes of its events",
                known.feature()
            ),
            None => warn!(
                event_id,
                api_version = version,
                enabled,
                "an event has an API version that the program was not made for, and that this release does not know: give the \
                 endpoint an enabled version; `unknown-version` says what becomes of its events"
            ),
        }
    }

    /// A known version is due however many others there were, and its monthly versions are one with it.
    fn is_due(&self, version: &str, now: Instant) -> bool {
        let known = Version::of(version).map(Version::name);
        let version = known.unwrap_or(version);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.saturating_duration_since(*at) < SILENCE);
        if told.contains_key(version) || known.is_none() && told.len() >= MOST {
            return false;
        }
        told.insert(version.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_told_once_an_hour() {
        let (versions, start) = (OtherVersions::default(), Instant::now());
        let due = |version, minutes: u64| versions.is_due(version, start + Duration::from_secs(60 * minutes));
        assert!(due("2022-11-15", 0) && due("2023-10-16", 0));
        assert!(!due("2022-11-15", 59));
        assert!(due("2022-11-15", 60));
        assert!(!due("2022-11-15", 61));
        let many: Vec<_> = (0..2 * MOST).map(|number| number.to_string()).collect();
        assert_eq!(many.iter().filter(|version| due(version, 200)).count(), MOST);
        assert!(due("2025-05-28.basil", 200) && !due("2025-08-27.basil", 200));
    }
}
