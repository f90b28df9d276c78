//! Text from outside and times, as a page shows them.

use std::time::{Duration, SystemTime};

use crate::report::format::is_unseen;
use crate::report::time::{NO_TIME, writable_time};

/// Replaces what a reader cannot see, or what changes the order of what they see, by its number: `⟨U+202E⟩`.
pub(super) fn visible(text: &str) -> String {
    let is_plain = |char: char| matches!(char, '\n' | '\t') || !is_unseen(char);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_plain(char) {
            shown.push(char);
        } else {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(char)));
        }
    }
    shown
}

/// A time for a page: exact, for machines; and how long ago, for people.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// As RFC 3339, in UTC.
    pub(super) exact: String,
    /// Such as `3 min ago` or `in 20 s`.
    pub(super) relative: String,
}

impl When {
    /// The time of the day, in UTC.
    pub(super) fn clock(&self) -> &str {
        self.exact.get(11..19).unwrap_or(&self.exact)
    }

    /// `ms` is milliseconds since the Unix epoch.
    pub(super) fn of(ms: i64) -> Self {
        let Some(time) = writable_time(ms) else {
            return Self { exact: NO_TIME.to_owned(), relative: NO_TIME.to_owned() };
        };
        let exact = humantime::format_rfc3339_millis(time).to_string();
        let now = SystemTime::now();
        let relative = match now.duration_since(time) {
            Ok(ago) => format!("{} ago", coarse(ago)),
            Err(ahead) => format!("in {}", coarse(ahead.duration())),
        };
        Self { exact, relative }
    }
}

/// A duration in one unit, which is all that a glance needs.
pub(super) fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration < Duration::from_millis(1) => "under 1 ms".to_owned(),
        0 => format!("{} ms", duration.as_millis()),
        1..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min", (seconds + 30) / 60),
        5_400..=172_799 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// How long something took that began and ended at these times, in milliseconds since the Unix epoch.
pub(super) fn between(began: i64, ended: i64) -> String {
    coarse(Duration::from_millis(ended.abs_diff(began)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_named() {
        for (text, shown) in [
            ("plain", "plain"),
            ("two\nlines\tand é 日本", "two\nlines\tand é 日本"),
            ("a\u{202e}b", "a⟨U+202E⟩b"),
            ("\u{0}\u{1b}[31m", "⟨U+0000⟩⟨U+001B⟩[31m"),
            ("zero\u{200b}width", "zero⟨U+200B⟩width"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn durations_have_one_unit() {
        for (seconds, shown) in [
            (0, "under 1 ms"),
            (89, "89 s"),
            (90, "2 min"),
            (3_600, "60 min"),
            (7_200, "2 h"),
            (259_200, "3 days"),
        ] {
            assert_eq!(coarse(Duration::from_secs(seconds)), shown);
        }
    }
}
