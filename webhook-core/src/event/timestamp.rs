//! Points in time, as Stripe writes them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time in whole seconds since the Unix epoch, as Stripe writes it in JSON.
///
/// It converts to the standard library's time, and with the features `chrono`, `jiff` and `time` to and from the times of
/// those crates. A conversion from them drops the fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a timestamp from seconds since the Unix epoch, which are negative before it.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Converts to the standard library's time. `None` if the platform's time cannot hold it.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let distance = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
    }
}

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;

/// A [`Timestamp`] that another crate's time cannot hold.
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the timestamp {seconds} is out of the other type's range")]
#[non_exhaustive]
pub struct TimestampOutOfRange {
    /// The timestamp, in seconds since the Unix epoch.
    pub seconds: i64,
}

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
impl Timestamp {
    fn out_of_range(self) -> TimestampOutOfRange {
        TimestampOutOfRange { seconds: self.0 }
    }
}

/// Shows the seconds since the Unix epoch.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
