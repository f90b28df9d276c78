//! Points in time, as Stripe writes them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time in whole seconds since the Unix epoch, as Stripe writes it in JSON.
///
/// Converts to the standard library's time, and to that of `jiff` and `time` behind the features of those names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a timestamp of seconds since the Unix epoch; negative ones lie before it.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Converts to the standard library's time; `None` if that cannot hold it on this platform.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let distance = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
    }
}

#[cfg(feature = "jiff")]
impl Timestamp {
    /// Converts to jiff's time; `None` if that cannot hold it (it ends with the year 9999).
    pub fn to_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(self.0).ok()
    }
}

#[cfg(feature = "time")]
impl Timestamp {
    /// Converts to the time crate's time; `None` if that cannot hold it (it ends with the year 9999).
    pub fn to_time(self) -> Option<time::OffsetDateTime> {
        time::OffsetDateTime::from_unix_timestamp(self.0).ok()
    }
}

/// Shows the seconds since the Unix epoch.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
