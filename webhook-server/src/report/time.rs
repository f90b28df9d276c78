//! Times of events as text: what an event says of itself may be no usual time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a time is written that has no text in RFC 3339.
pub(crate) const NO_TIME: &str = "not from 1970 to 9999";

/// A time in milliseconds since the Unix epoch, if it has a text in RFC 3339.
pub(crate) fn writable_time(millis: i64) -> Option<SystemTime> {
    /// The first millisecond of the year 10000.
    const END: u64 = 253_402_300_800_000;

    let millis = u64::try_from(millis).ok().filter(|millis| *millis < END)?;
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}
