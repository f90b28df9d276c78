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

/// The longest plain word: Stripe's ids have up to 66 characters.
const LONGEST_WORD: usize = 80;

/// Parts of names (between underscores) whose values, and all that is in them, are about a person, or secret.
const PRIVATE: &[&str] = &[
    "address",
    "birth",
    "bsb",
    "city",
    "clabe",
    "custom",
    "customfields",
    "description",
    "dob",
    "email",
    "evidence",
    "exp",
    "fingerprint",
    "gender",
    "iban",
    "individual",
    "ip",
    "last4",
    "latitude",
    "line1",
    "line2",
    "longitude",
    "metadata",
    "name",
    "names",
    "nationality",
    "number",
    "owner",
    "person",
    "phone",
    "political",
    "postal",
    "routing",
    "secret",
    "shipping",
    "statement",
    "tracking",
    "value",
    "verified",
    "zip",
];

/// Whole names of that kind.
const PRIVATE_NAMES: &[&str] = &[
    "billing_details",
    "business_profile",
    "buyer_id",
    "client_reference_id",
    "customer_details",
    "sort_code",
    "tax_id",
    "tax_ids",
    "customer_tax_ids",
    "account_tax_ids",
];

/// Names of texts that begin with a digit and are about nobody.
const VERSIONS: &[&str] = &["api_version", "version"];

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
        let is_private = is_private || name.as_deref().is_some_and(self::is_private);
        let is_version = name.as_deref().is_some_and(|name| VERSIONS.contains(&name));
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
                let leaf = Some(self.leaf(value.get(), is_private, is_version));
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
    fn leaf(&self, text: &str, is_private: bool, is_version: bool) -> (String, &'static str) {
        let is_shown = self.shows_all
            || !is_private
                && (!text.starts_with(['"', '{', '[']) || is_plain(text.trim_matches('"'), is_version))
            || matches!(text, "null" | "true" | "false" | "\"\"");
        match text.as_bytes().first() {
            _ if !is_shown => ("•••".to_owned(), "masked"),
            Some(b'"') => (visible(text), "string"),
            _ => (visible(text), "number"),
        }
    }
}

/// Whether a name says that its value is about a person, or secret.
fn is_private(name: &str) -> bool {
    PRIVATE_NAMES.contains(&name) || name.split('_').any(|part| PRIVATE.contains(&part))
}

/// Whether a text is an id, a word or a code, as programs write them. A number in quotes may be anybody's.
fn is_plain(text: &str, may_begin_with_digit: bool) -> bool {
    let is_word = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "_.-".contains(char);
    let begins = text.starts_with(|char: char| char.is_ascii_lowercase() || may_begin_with_digit);
    let is_id = || {
        text.split_once('_').is_some_and(|(prefix, rest)| {
            prefix.len() <= 12
                && prefix.chars().all(|char| char.is_ascii_lowercase())
                && rest.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
        })
    };
    let is_code = || (2..=3).contains(&text.len()) && text.chars().all(|char| char.is_ascii_uppercase());
    text.len() <= LONGEST_WORD
        && !text.contains("_secret_")
        && (begins && text.chars().all(is_word) || is_id() || is_code())
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
        let checkout = format!("cs_test_{}", "a1B2".repeat(14));
        let body = format!(
            r#"{{"id": "pi_3NqX", "session": "{checkout}", "status": "succeeded", "currency": "usd", "country": "DE", "amount": 1999,
            "api_version": "2026-10-28.endive", "paid": true, "email": null,
            "name": "jenny", "note": "Call Jenny", "metadata": {{"order": 17, "deep": [{{"x": "y"}}]}}, "dob": {{"day": 3}},
            "client_secret": "pi_3NqX_secret_s1", "token": "seti_1_secret_s2", "tax": {{"tax_id": "12-345s3"}},
            "bank": {{"routing_number": "110000s4", "sort_code": "10-88-s5"}}, "plain": "000.000.006-00",
            "address_kana": {{"city": "s7"}}, "person": {{"first_name": "s8", "gender": "s9"}}, "client_ip": "s10",
            "ip_address_location": {{"latitude": 51.11}}, "individual_name": "s12", "custom_fields": [{{"text": {{"value": "s13"}}}}]}}"#
        );
        let masked = shown(&body, false);
        for told in
            ["pi_3NqX&#34;", &checkout, "succeeded", "usd", "DE", "1999", "2026-10-28.endive", "true", "null"]
        {
            assert!(masked.contains(told), "{told}: {masked}");
        }
        for hidden in [
            "jenny",
            "Jenny",
            "17",
            "&#34;y&#34;",
            ">3<",
            "s1&",
            "s2&",
            "s3&",
            "s4&",
            "s5&",
            "006-00",
            "s7&",
            "s8&",
            "s9&",
            "s10&",
            "51.11",
            "s12&",
            "s13&",
        ] {
            assert!(!masked.contains(hidden), "{hidden}: {masked}");
            assert!(shown(&body, true).contains(hidden), "{hidden}");
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
