//! Errors, durations and reasons as text, for the log and the terminal.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use crate::secrets::looks_like_a_secret;
use crate::store::ParkReason;

/// Joins an error and its sources with colons. A source that the text before it ends with is left out: some libraries, such
/// as sqlx, repeat their sources in their messages.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let told = error.to_string();
        if !text.ends_with(&told) {
            let _ = write!(text, ": {told}");
        }
        source = error.source();
    }
    text
}

/// Replaces control characters, which could steer a terminal: the text comes from others.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

/// The beginning of a field that Stripe keeps short, in case that it is not. Unlike an event's id and type, it is stored and
/// logged whatever it contains.
pub(crate) fn shortened(text: &Option<String>) -> Option<&str> {
    let text = text.as_deref()?;
    Some(text.char_indices().nth(64).map_or(text, |(end, _)| &text[..end]))
}

/// A setting's text without the password of a URL, and without a secret that was given in its place.
pub(crate) fn masked(text: &str) -> String {
    if looks_like_a_secret(text) {
        return "…".to_owned();
    }
    if let Some((start, value)) = text.split_once("password=") {
        let rest = value.find(['&', ' ']).map_or("", |end| &value[end..]);
        return format!("{}password=…{rest}", masked(start));
    }
    let parts = text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (user, host))) => {
            format!("{scheme}://{}:…@{host}", user.split(':').next().unwrap_or_default())
        }
        None => text.to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked() {
        for (text, shown) in [
            ("webhook-inbox.db", "webhook-inbox.db"),
            ("postgres://shop@db/shop", "postgres://shop:…@db/shop"),
            ("postgres://shop:geheim@db:5432/shop", "postgres://shop:…@db:5432/shop"),
            ("postgres://shop:ge/h@im@db/shop?a=b", "postgres://shop:…@db/shop?a=b"),
            ("postgres://db/shop?password=geheim&a=b", "postgres://db/shop?password=…&a=b"),
            ("host=db password=geheim", "host=db password=…"),
            ("x whsec_0123456789abcdef", "…"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }
}
