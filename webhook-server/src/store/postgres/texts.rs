//! The texts of statements, as they are sent.
//!
//! In the sources, a statement names the schema `webhook`, and the present time `now_ms`. Here they become the configured
//! schema's name, and the database's own clock: no instance's clock decides anything.

use std::borrow::Cow;

use crate::store::clock::StoreClock;

/// The present time, in milliseconds since the Unix epoch. It stands still during a transaction.
const NOW: &str = "(extract(epoch FROM now()) * 1000)::bigint";

/// How the texts of one inbox become what is sent.
#[derive(Debug)]
pub(super) struct Texts {
    name: String,
    /// The schema's name, quoted, and a dot.
    schema: String,
    /// Used in place of the database's clock, for tests.
    clock: Option<StoreClock>,
}

impl Texts {
    /// Texts for the schema of this name.
    pub(super) fn new(schema: &str, clock: Option<StoreClock>) -> Self {
        Self { name: schema.to_owned(), schema: format!("{}.", quoted(schema)), clock }
    }

    /// The schema's name.
    pub(super) fn schema_name(&self) -> &str {
        &self.name
    }

    /// The text of a statement as it is sent.
    pub(super) fn sent(&self, text: &str) -> String {
        let now = match &self.clock {
            Some(clock) => Cow::Owned(format!("{}::bigint", clock.now())),
            None => Cow::Borrowed(NOW),
        };
        let text = replaced(text, "now_ms", &now);
        replaced(&text, "webhook.", &self.schema)
    }
}

/// A name as a quoted identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Replaces a word, where it is not a part of a longer one.
fn replaced(text: &str, word: &str, by: &str) -> String {
    let is_of_a_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut out = String::with_capacity(text.len() + by.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        out.push_str(before);
        let begins = !out.ends_with(is_of_a_name);
        let ends = word.ends_with('.') || !after.starts_with(is_of_a_name);
        out.push_str(if begins && ends { by } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::clock::ManualClock;

    #[test]
    fn a_text_names_the_configured_schema_and_the_clock() {
        let clock = ManualClock::new(5);
        let texts = Texts::new("my \"shop\"", Some(StoreClock::manual(&clock)));
        assert_eq!(
            texts.sent("UPDATE webhook.task SET due_ms = now_ms, not_now_ms = 1, now_ms_too = 2"),
            "UPDATE \"my \"\"shop\"\"\".task SET due_ms = 5::bigint, not_now_ms = 1, now_ms_too = 2"
        );
        assert_eq!(Texts::new("webhook", None).sent("SELECT now_ms"), format!("SELECT {NOW}"));
    }
}
