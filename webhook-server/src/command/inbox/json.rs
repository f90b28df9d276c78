//! The inbox as JSON.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::command::{self, Failure, failed};
use crate::report::format::is_unseen;
use crate::store::StoredEvent;

/// Writes JSON without characters that steer a terminal or are not seen: JSON itself escapes only those below U+0020.
pub(in crate::command) fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(shown(&command::json(value)?))
}

/// The same in one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|error| failed("cannot write JSON", &error))?;
    Ok(format!("{}\n", shown(&text)))
}

fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        // The line breaks are between the values; inside, they are escaped already.
        if is_unseen(char) && char != '\n' {
            char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(char);
        }
    }
    shown
}

/// An event whose body is a value in the JSON around it, not a text that holds JSON.
#[derive(Serialize)]
pub(super) struct Readable {
    /// Without its body.
    #[serde(flatten)]
    found: StoredEvent,
    body: Option<Body>,
}

/// The body as Stripe sent it, except for white space between its parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    Json(Box<RawValue>),
    Text(String),
}

impl Readable {
    pub(super) fn of(found: StoredEvent) -> Self {
        Self::with(found, &['\r', '\t'])
    }

    /// The same without line breaks.
    pub(super) fn of_one_line(found: StoredEvent) -> Self {
        Self::with(found, &['\r', '\t', '\n'])
    }

    /// Replaces these characters with a space. In JSON, they occur unescaped only between values.
    fn with(mut found: StoredEvent, space: &[char]) -> Self {
        let body = found.body.take().map(|text| match RawValue::from_string(text.replace(space, " ")) {
            Ok(json) => Body::Json(json),
            Err(_) => Body::Text(text),
        });
        Self { found, body }
    }
}
