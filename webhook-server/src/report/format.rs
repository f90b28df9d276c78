//! Errors and durations in words, for the log and the terminal.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

/// An error and its sources on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// Replaces what could steer a terminal; errors are worded by others.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

/// A duration in words, without what is less than a millisecond.
pub(crate) fn rounded(duration: Duration) -> humantime::FormattedDuration {
    let millis = duration.as_micros().div_ceil(1000);
    humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}
