//! The fields of an object as inputs of a form, and back.
//!
//! An input has the text that [`Sample::set`] reads. What was not changed is not set, so the sample keeps what belongs
//! together.

use askama::Template;
use serde_json::Value;
use webhook_core::catalog::{Field as Known, Shape};
use webhook_core::{Sample, SampleError};

use crate::admin::pages::text::When;
use crate::admin::query::Query;

/// A field of the form.
#[derive(Template)]
#[template(path = "field.html")]
pub(super) struct Field {
    path: String,
    name: &'static str,
    /// What it holds, for people.
    holds: &'static str,
    input: Input,
    text: String,
    is_nullable: bool,
    is_null: bool,
    error: Option<String>,
    /// The fields of a nested object.
    parts: Vec<Field>,
    is_open: bool,
}

enum Input {
    Line { is_number: bool, is_text: bool },
    Choice(Vec<String>),
    Json,
    Group,
}

impl Field {
    /// The fields that an object has, and those that are `wanted` though it lacks them.
    pub(super) fn all(known: &[Known], object: &Value, wanted: &[&str]) -> Vec<Self> {
        Self::inside("", known, object, wanted)
    }

    fn inside(prefix: &str, known: &[Known], object: &Value, wanted: &[&str]) -> Vec<Self> {
        let shown = known.iter().filter(|field| !matches!(field.shape, Shape::Literal(_)));
        let there = shown.filter_map(|field| {
            let path = format!("{prefix}{}", field.name);
            let is_wanted = wanted.iter().any(|wanted| first_step(wanted) == path);
            let value = object.get(field.name).or(is_wanted.then_some(&Value::Null))?;
            Some(Self::of(path, field, value, wanted))
        });
        there.collect()
    }

    fn of(path: String, known: &Known, value: &Value, wanted: &[&str]) -> Self {
        let (input, holds) = input(&known.shape, value, known.nullable);
        let parts = match (&input, &known.shape) {
            (Input::Group, Shape::Nested(fields)) => Self::inside(&format!("{path}."), fields, value, wanted),
            _ => Vec::new(),
        };
        let text = match (&input, value) {
            (Input::Group, _) | (Input::Line { .. }, Value::Null) => String::new(),
            (Input::Json, value) => format!("{value:#}"),
            (_, Value::Number(number)) if known.shape == Shape::Timestamp => number
                .as_i64()
                .map_or_else(String::new, |seconds| When::of(seconds.saturating_mul(1000)).exact),
            (_, Value::String(text)) => text.clone(),
            (_, value) => value.to_string(),
        };
        let is_line = matches!(input, Input::Line { .. });
        Self {
            name: known.name,
            holds,
            text,
            is_nullable: known.nullable && is_line,
            is_null: value.is_null() && is_line && known.nullable,
            error: None,
            parts,
            is_open: false,
            path,
            input,
        }
    }

    /// Whether a handler reads it, or a part of it.
    pub(super) fn is_read(&self, read: &[&str]) -> bool {
        read.iter().any(|path| first_step(path) == self.path)
    }

    /// Sets what a form has changed, and notes what cannot be set. Returns whether everything could.
    pub(super) fn set_from(&mut self, form: &Query, sample: &mut Sample) -> bool {
        if matches!(self.input, Input::Group) {
            let are_set: Vec<bool> = self.parts.iter_mut().map(|part| part.set_from(form, sample)).collect();
            self.is_open = self.parts.iter().any(|part| part.error.is_some() || part.is_open);
            return are_set.into_iter().all(|is_set| is_set);
        }
        // Browsers send line breaks in this form.
        let typed = form.all(&format!("f:{}", self.path)).next().map(|text| text.replace("\r\n", "\n"));
        let Some(typed) = typed else { return true };
        let is_null = form.all(&format!("n:{}", self.path)).next().is_some();
        let is_changed = typed != self.text;
        // Who types into a field that was null means what is typed.
        let was_null = self.is_null;
        self.is_null = is_null && (!was_null || typed.is_empty());
        self.text = typed;
        let set = match (is_changed, self.is_null) {
            (false, is_null) if is_null == was_null => return true,
            (_, true) => sample.set_json(&self.path, Value::Null),
            _ => self.set(sample),
        };
        self.error = set.err().map(|error| error.to_string());
        self.is_open = true;
        self.error.is_none()
    }

    fn set(&self, sample: &mut Sample) -> Result<(), SampleError> {
        match self.input {
            Input::Line { is_text: true, .. } => {
                sample.set_json(&self.path, Value::String(self.text.clone()))
            }
            _ => match time(&self.text).filter(|_| self.holds == TIME) {
                Some(seconds) => sample.set_json(&self.path, seconds.into()),
                None => sample.set(&self.path, self.text.trim()),
            },
        }
    }
}

const TIME: &str = "time";

/// The time in seconds since the Unix epoch that a text says.
fn time(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339_weak(text.trim()).ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// What a value is edited with, and what it holds.
fn input(shape: &Shape, value: &Value, is_nullable: bool) -> (Input, &'static str) {
    let choice = |values: &[&str]| {
        let null = is_nullable.then_some("null");
        Input::Choice(values.iter().copied().chain(null).map(str::to_owned).collect())
    };
    let number = Input::Line { is_number: true, is_text: false };
    match shape {
        Shape::Boolean => (choice(&["true", "false"]), ""),
        Shape::Enum(values) => (choice(values), ""),
        Shape::Integer | Shape::Float | Shape::Decimal | Shape::IntegerText => (number, "number"),
        Shape::Timestamp => (Input::Line { is_number: false, is_text: false }, TIME),
        Shape::String | Shape::DateTime => (Input::Line { is_number: false, is_text: true }, "text"),
        Shape::Expandable(_) if value.is_string() || value.is_null() => {
            (Input::Line { is_number: false, is_text: true }, "id")
        }
        Shape::Nested(fields) if value.is_object() && !fields.is_empty() => (Input::Group, ""),
        Shape::Array(_) | Shape::List(_) => (Input::Json, "list"),
        _ => (Input::Json, "JSON"),
    }
}

/// The first step of a path: `items` of `items.data[].price`.
fn first_step(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use webhook_core::catalog;

    use super::*;
    use crate::admin::MAX_FORM;

    /// What a browser sends of fields that nobody has changed.
    fn form(fields: &[Field], pairs: &mut form_urlencoded::Serializer<'_, String>) {
        for field in fields {
            form(&field.parts, pairs);
            if !matches!(field.input, Input::Group) {
                pairs.append_pair(&format!("f:{}", field.path), &field.text.replace('\n', "\r\n"));
            }
            if field.is_null {
                pairs.append_pair(&format!("n:{}", field.path), "on");
            }
        }
    }

    fn fields(sample: &Sample) -> Vec<Field> {
        let event: Value = serde_json::from_slice(&sample.clone().body(1_790_000_000)).expect("it is JSON");
        let object = &event["data"]["object"];
        let known = catalog::find(sample.event_type()).expect("it is known");
        let known = known.object(object["object"].as_str().expect("it has a type")).expect("it is known");
        Field::all(&known.fields, object, &[])
    }

    #[test]
    fn a_form_that_nobody_has_changed_changes_nothing() {
        for known in catalog::snapshot_types() {
            let mut sample = Sample::new(known.name, 7).expect("it is a snapshot");
            let before = sample.clone().body(1_790_000_000);
            let mut fields = fields(&sample);
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            form(&fields, &mut pairs);
            let pairs = pairs.finish();
            assert!(pairs.len() < MAX_FORM / 2, "{}: {}", known.name, pairs.len());
            let query = Query::of_form(pairs.as_bytes());
            assert!(fields.iter_mut().all(|field| field.set_from(&query, &mut sample)), "{}", known.name);
            assert_eq!(sample.body(1_790_000_000), before, "{}", known.name);
        }
    }

    #[test]
    fn what_is_typed_is_set_as_the_field_holds_it() {
        for (path, typed, is_null, expected) in [
            ("amount_due", " 12 ", false, Ok("12")),
            ("amount_due", "twelve", false, Err("expected integer")),
            ("amount_due", "", false, Err("expected integer")),
            ("number", "null", false, Ok("\"null\"")),
            ("number", "", true, Ok("null")),
            ("number", " a\"b ", false, Ok("\" a\\\"b \"")),
            ("status", "open", false, Ok("\"open\"")),
            ("status", "null", false, Ok("null")),
            ("status", "later", false, Err("expected one of draft, open")),
            ("next_payment_attempt", "2027-01-01T00:00:00Z", false, Ok("1798761600")),
            ("next_payment_attempt", "1798761600", false, Ok("1798761600")),
            ("next_payment_attempt", "tomorrow", false, Err("expected timestamp")),
            ("auto_advance", "true", false, Ok("true")),
            ("metadata", "{\"order\": \"o_1\"}", false, Ok("{\"order\":\"o_1\"}")),
            ("metadata", "{\"order\"", false, Err("expected")),
            ("status_transitions.paid_at", "2027-01-01T00:00:00Z", false, Ok("1798761600")),
        ] {
            let mut sample = Sample::new("invoice.paid", 7).expect("it is a snapshot");
            let mut fields = fields(&sample);
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.append_pair(&format!("f:{path}"), typed);
            if is_null {
                pairs.append_pair(&format!("n:{path}"), "on");
            }
            let query = Query::of_form(pairs.finish().as_bytes());
            let set: Vec<bool> = fields.iter_mut().map(|field| field.set_from(&query, &mut sample)).collect();
            let all_set = !set.contains(&false);
            let leaf = fields.iter().find_map(|field| field.find(path)).expect("there is such a field");
            let event: Value = serde_json::from_slice(&sample.body(1_790_000_000)).expect("it is JSON");
            let value = &event["data"]["object"].pointer(&format!("/{}", path.replace('.', "/")));
            match expected {
                Ok(json) => assert_eq!(value.map(Value::to_string).as_deref(), Some(json), "{path}: {typed}"),
                Err(told) => assert!(
                    leaf.error.as_deref().is_some_and(|error| error.contains(told)),
                    "{:?}",
                    leaf.error
                ),
            }
            assert_eq!((all_set, leaf.text.as_str()), (expected.is_ok(), typed), "{path}");
        }
    }

    impl Field {
        fn find(&self, path: &str) -> Option<&Self> {
            if self.path == path { Some(self) } else { self.parts.iter().find_map(|part| part.find(path)) }
        }
    }
}
