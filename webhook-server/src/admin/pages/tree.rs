//! The body of an event as a tree: exact, folded, and without customers' data unless they are asked for.
//!
//! A number is shown as it was written: no reading of it is exact for every number. What looks like an id, a word of
//! Stripe's or a code is shown; any other text, and all that is in an object about a person, is masked.

use std::fmt;

use askama::Template;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::visible;

/// How many values are shown, and how deep they may lie.
const MOST: usize = 5_000;
const DEEPEST: usize = 64;

/// The longest plain word.
const LONGEST_WORD: usize = 64;

/// Names whose values, and all that is in them, are about a person.
const PRIVATE: &[&str] = &[
    "account_holder_name",
    "address",
    "billing_details",
    "business_profile",
    "customer_address",
    "customer_details",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "customer_tax_ids",
    "description",
    "dob",
    "email",
    "evidence",
    "exp_month",
    "exp_year",
    "fingerprint",
    "individual",
    "ip",
    "ip_address",
    "last4",
    "metadata",
    "name",
    "owner",
    "phone",
    "receipt_email",
    "receipt_number",
    "shipping",
    "statement_descriptor",
    "verified_outputs",
];

/// A value with its name in the object around it.
#[derive(Template)]
#[template(path = "tree.html")]
pub(super) struct Tree {
    name: Option<String>,
    /// The text of a value without parts, and its class; `None` for an object or a list.
    leaf: Option<(String, &'static str)>,
    /// What is folded: `3 fields`.
    size: String,
    is_open: bool,
    parts: Vec<Tree>,
}

/// Reads a body. `None` if it is not JSON.
pub(super) fn tree(body: &str, shows_all: bool) -> Option<Tree> {
    let value: &RawValue = serde_json::from_str(body).ok()?;
    let mut reading = Reading { left: MOST, shows_all };
    Some(reading.value(None, value, 0, false))
}

/// What is left to show.
struct Reading {
    left: usize,
    shows_all: bool,
}

impl Reading {
    fn value(&mut self, name: Option<String>, value: &RawValue, depth: usize, is_private: bool) -> Tree {
        self.left = self.left.saturating_sub(1);
        let is_private = is_private || name.as_deref().is_some_and(|name| PRIVATE.contains(&name));
        let parts: Option<(Vec<Tree>, &str)> = match value.get().as_bytes().first() {
            _ if depth >= DEEPEST => None,
            Some(b'{') => fields(value).map(|fields| {
                let fields = fields.into_iter().map(|(name, value)| (Some(visible(&name)), value));
                (self.parts(fields, depth, is_private), "field")
            }),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(value.get()).ok().map(|values| {
                (self.parts(values.into_iter().map(|value| (None, value)), depth, is_private), "value")
            }),
            _ => None,
        };
        match parts {
            Some((parts, what)) => {
                let size = format!("{} {what}{}", parts.len(), if parts.len() == 1 { "" } else { "s" });
                Tree { name, leaf: None, size, is_open: depth < 3, parts }
            }
            None => {
                let leaf = Some(self.leaf(value.get(), is_private));
                Tree { name, leaf, size: String::new(), is_open: false, parts: Vec::new() }
            }
        }
    }

    fn parts<'v>(
        &mut self,
        values: impl Iterator<Item = (Option<String>, &'v RawValue)>,
        depth: usize,
        is_private: bool,
    ) -> Vec<Tree> {
        let mut parts = Vec::new();
        for (name, value) in values {
            if self.left == 0 {
                let leaf = Some(("… the rest is not shown here: `inbox show` has it".to_owned(), "more"));
                parts.push(Tree { name: None, leaf, size: String::new(), is_open: false, parts: Vec::new() });
                break;
            }
            parts.push(self.value(name, value, depth + 1, is_private));
        }
        parts
    }

    /// The text of a value without parts, and its class.
    fn leaf(&self, text: &str, is_private: bool) -> (String, &'static str) {
        let is_shown = self.shows_all
            || !is_private && (!text.starts_with(['"', '{', '[']) || is_plain(text.trim_matches('"')))
            || matches!(text, "null" | "true" | "false" | "\"\"");
        match text.as_bytes().first() {
            _ if !is_shown => ("•••".to_owned(), "masked"),
            Some(b'"') => (visible(text), "string"),
            _ => (visible(text), "number"),
        }
    }
}

/// Whether a text is an id, a word or a code, as programs write them.
fn is_plain(text: &str) -> bool {
    let is_word = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "_.-".contains(char);
    let is_id = || {
        text.split_once('_').is_some_and(|(prefix, rest)| {
            prefix.len() <= 12
                && prefix.chars().all(|char| char.is_ascii_lowercase())
                && rest.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
        })
    };
    let is_code = || (2..=3).contains(&text.len()) && text.chars().all(|char| char.is_ascii_uppercase());
    text.len() <= LONGEST_WORD && (text.chars().all(is_word) || is_id() || is_code())
}

/// The fields of an object, in their order, also those that are there twice.
fn fields(value: &RawValue) -> Option<Vec<(String, &RawValue)>> {
    struct Fields;

    impl<'v> Visitor<'v> for Fields {
        type Value = Vec<(String, &'v RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'v>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut fields = Vec::new();
            while let Some(field) = map.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }

    serde_json::Deserializer::from_str(value.get()).deserialize_map(Fields).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str, shows_all: bool) -> String {
        tree(body, shows_all).expect("it is JSON").render().expect("it is in memory")
    }

    #[test]
    fn numbers_are_as_they_were_written() {
        let body = r#"{"a": 12345678901234567890123, "b": 1.0, "c": 1e400, "a": -0}"#;
        for number in ["12345678901234567890123", ">1.0<", "1e400", "-0"] {
            assert!(shown(body, false).contains(number), "{number}");
        }
    }

    #[test]
    fn what_is_about_a_person_is_masked_until_it_is_asked_for() {
        let body = r#"{"id": "pi_3NqX", "status": "succeeded", "currency": "usd", "country": "DE", "amount": 1999,
            "name": "jenny", "note": "Call Jenny", "metadata": {"order": 17, "deep": [{"x": "y"}]}, "dob": {"day": 3},
            "paid": true, "email": null}"#;
        let masked = shown(body, false);
        for told in ["pi_3NqX", "succeeded", "usd", "DE", "1999", "true", "null"] {
            assert!(masked.contains(told), "{told}: {masked}");
        }
        for hidden in ["jenny", "Jenny", "17", "&#34;y&#34;", ">3<"] {
            assert!(!masked.contains(hidden), "{hidden}: {masked}");
            assert!(shown(body, true).contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn a_hostile_body_ends() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(shown(&deep, true).contains("[[["));
        let long = format!("[{}1]", "1,".repeat(20_000));
        let long = shown(&long, true);
        assert!(long.contains("the rest is not shown") && long.len() < 1_000_000, "{}", long.len());
        assert!(shown(r#"{"<script>": "</script>"}"#, true).contains("&#60;script&#62;"));
        assert!(tree("{", true).is_none());
    }
}
