//! Errors, durations and reasons as text, for the log and the terminal.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use crate::store::ParkReason;

/// Joins an error and its sources with colons.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// Replaces control characters, which could steer a terminal: the text comes from others.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

/// Formats a duration, rounded up to milliseconds.
pub(crate) fn rounded(duration: Duration) -> humantime::FormattedDuration {
    let millis = duration.as_micros().div_ceil(1000);
    humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// The reason why a task is parked.
pub(crate) fn parked_because(reason: ParkReason) -> &'static str {
    match reason {
        ParkReason::Asked => "the handler asked for it",
        ParkReason::Exhausted => "the last attempt failed",
        ParkReason::Poison => "it ended the process three times",
        ParkReason::NoHandler => "the program has no such handler",
        ParkReason::Undecodable => "the event does not fit the handler's type",
    }
}

/// The name by which this program was called, for examples in messages.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "app".to_owned())
}
