//! Overriding one field of a sample.

use serde_json::Value;
use webhook_catalog::{Catalog, EventType, Field, Shape};

use super::SampleError;
use super::make::{Maker, alive};

/// One value to be put into its field.
pub(super) struct Setting<'a> {
    pub(super) maker: Maker,
    /// The event, if this is the event's own object, which may have more or fewer fields than others of its type.
    pub(super) event: Option<&'static EventType>,
    /// The name of the event's object.
    pub(super) object: &'static str,
    pub(super) path: &'a str,
    pub(super) value: &'a Given,
    /// Whether it is a former value, which can be null at any depth for a field that was not set.
    pub(super) is_former: bool,
}

/// The value to be set.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// As it is.
    Json(Value),
    /// As text, which is read as what the field holds.
    Text(String),
}

impl Maker {
    /// Putting a value into its field.
    pub(super) fn setting<'a>(self, object: &'static str, path: &'a str, value: &'a Given) -> Setting<'a> {
        Setting { maker: self, event: None, object, path, value, is_former: false }
    }
}

impl Setting<'_> {
    /// Sets the field in an object. If it fails, the object is unchanged.
    pub(super) fn put(&self, object: &mut Value) -> Result<(), SampleError> {
        let mut changed = object.clone();
        self.put_into(&mut changed)?;
        *object = changed;
        Ok(())
    }

    /// Sets the field in an object. If it fails, the object may be partly changed.
    pub(super) fn put_into(&self, object: &mut Value) -> Result<(), SampleError> {
        let here = match self.event.and_then(|event| self.maker.catalog.object_of(event, self.object)) {
            Some(own) => Shape::Nested(own.fields.clone()),
            None => Shape::Object(vec![self.object]),
        };
        self.put_at(object, &here, false, &mut Vec::new(), Some(self.path))
    }

    /// Continues from `place`, which holds (or will hold) a value of this shape, after the steps `done`. `left` is the rest
    /// of the path.
    fn put_at<'p>(
        &self,
        place: &mut Value,
        shape: &Shape,
        nullable: bool,
        done: &mut Vec<&'p str>,
        left: Option<&'p str>,
    ) -> Result<(), SampleError> {
        let Some(left) = left else {
            *place = self.read(shape, nullable)?;
            return Ok(());
        };
        let (step, left) = shape.step(left);
        if !place.is_object() && !place.is_array() {
            *place = self.expand(place, shape, step);
        }
        let (shape, nullable) = self.inner(place, shape, done, step)?;
        let inner = match place {
            Value::Array(values) => {
                let at: usize =
                    step.parse().map_err(|_| self.mismatch("a number, the position in an array", step))?;
                if at > values.len() {
                    return Err(self.mismatch("the position of an existing value, or the next", step));
                }
                if at == values.len() {
                    values.push(self.maker.value(self.object, step, &shape, 0));
                }
                &mut values[at]
            }
            Value::Object(fields) => fields.entry(step).or_insert(Value::Null),
            _ => return Err(self.no_field(place, done, step, &[])),
        };
        done.push(step);
        self.put_at(inner, &shape, nullable, done, left)
    }

    /// An object to descend into, made in place of a null or an id, which the object keeps.
    fn expand(&self, place: &Value, shape: &Shape, step: &str) -> Value {
        let inner = if let Shape::Expandable(inner) = shape { inner } else { shape };
        let mut made = self.maker.value(self.object, step, inner, 0);
        if let (true, Some(id)) = (place.is_string(), made.get_mut("id")) {
            *id = place.clone();
        }
        made
    }

    /// What the next step leads to.
    pub(super) fn inner(
        &self,
        place: &Value,
        shape: &Shape,
        done: &[&str],
        step: &str,
    ) -> Result<(Shape, bool), SampleError> {
        if done.last() == Some(&"metadata") && !webhook_catalog::is_metadata_key(step) {
            return Err(SampleError::MetadataKey { key: step.to_owned() });
        }
        match shape {
            Shape::Any => return Ok((Shape::Any, true)),
            Shape::Array(inner) | Shape::Map(inner) => return Ok(((**inner).clone(), false)),
            Shape::Expandable(inner) => return self.inner(place, inner, done, step),
            _ => {}
        }
        let fields = fields(self.maker.catalog, shape, place);
        match fields.iter().find(|field| field.name == step) {
            Some(field) => Ok((field.shape.clone(), field.nullable)),
            None => Err(self.no_field(place, done, step, &fields)),
        }
    }

    pub(super) fn read(&self, shape: &Shape, nullable: bool) -> Result<Value, SampleError> {
        let text = match &self.value {
            Given::Json(value) => {
                return self.check(value, shape, nullable, self.path).map(|()| value.clone());
            }
            Given::Text(text) => text.as_str(),
        };
        let json = serde_json::from_str::<Value>(text).ok().filter(|json| !json.is_string());
        let as_text = Value::from(text);
        // A field that can hold the text holds it unchanged, even if it looks like a number.
        let refused = match (self.check(&as_text, shape, false, self.path), &json) {
            (_, Some(Value::Null)) if nullable => return Ok(Value::Null),
            (_, Some(json)) if *shape == Shape::Any => return Ok(json.clone()),
            (Ok(()), _) => return Ok(as_text),
            (Err(refused), _) => refused,
        };
        match json {
            // What is wrong inside says more than that the text is not an object.
            Some(json) if json.is_object() || json.is_array() => {
                self.check(&json, shape, false, self.path).map(|()| json)
            }
            Some(json) if self.check(&json, shape, false, self.path).is_ok() => Ok(json),
            _ => Err(refused),
        }
    }

    /// Checks a value against a shape, at every depth.
    fn check(&self, value: &Value, shape: &Shape, nullable: bool, path: &str) -> Result<(), SampleError> {
        if value.is_null() && (nullable || self.is_former) {
            return Ok(());
        }
        let refused = || self.mismatch_at(path, shape, &in_short(value));
        let fits = match shape {
            Shape::Any => true,
            Shape::Array(inner) => return self.check_each(value.as_array(), inner, path, refused),
            Shape::Boolean => value.is_boolean(),
            Shape::Decimal => value.as_str().is_some_and(|value| value.parse::<f64>().is_ok()),
            Shape::Enum(values) => value.as_str().is_some_and(|value| values.contains(&value)),
            Shape::Expandable(inner) => {
                return if value.is_string() { Ok(()) } else { self.check(value, inner, false, path) };
            }
            Shape::Float => value.is_number(),
            Shape::Integer | Shape::Timestamp => value.is_i64(),
            Shape::IntegerText => value.as_str().is_some_and(|value| value.parse::<i64>().is_ok()),
            Shape::Literal(text) => serde_json::from_str::<Value>(text).is_ok_and(|only| only == *value),
            Shape::Map(inner) => {
                return self.check_each(
                    value.as_object().map(|entries| entries.values()),
                    inner,
                    path,
                    refused,
                );
            }
            Shape::List(_) | Shape::Nested(_) | Shape::Object(_) => {
                return self.check_fields(value, shape, path);
            }
            _ => value.is_string(),
        };
        if fits { Ok(()) } else { Err(refused()) }
    }

    fn check_each<'v>(
        &self,
        values: Option<impl IntoIterator<Item = &'v Value>>,
        inner: &Shape,
        path: &str,
        refused: impl Fn() -> SampleError,
    ) -> Result<(), SampleError> {
        let values = values.ok_or_else(refused)?;
        values.into_iter().try_for_each(|value| self.check(value, inner, false, path))
    }

    fn check_fields(&self, value: &Value, shape: &Shape, path: &str) -> Result<(), SampleError> {
        let entries = value.as_object().ok_or_else(|| self.mismatch_at(path, shape, &in_short(value)))?;
        let fields = fields(self.maker.catalog, shape, value);
        for (name, value) in entries {
            let inner = format!("{path}.{name}");
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.check(value, &field.shape, field.nullable, &inner)?,
                None => return Err(self.unknown_field(path, &inner, name, &fields)),
            }
        }
        Ok(())
    }

    fn no_field(&self, place: &Value, done: &[&str], step: &str, fields: &[Field]) -> SampleError {
        let reached = match (place["object"].as_str(), done) {
            (Some(name), _) if name != "list" => name.to_owned(),
            (_, []) => self.object.to_owned(),
            _ => format!("{}.{}", self.object, done.join(".")),
        };
        if let Some(event) = self.event
            && done.is_empty()
            && event.lacks().any(|field| field == step)
        {
            let (event_type, object) = (event.name.to_owned(), self.object.to_owned());
            return SampleError::Lacking { event_type, object, field: step.to_owned() };
        }
        self.unknown_field(&reached, self.path, step, fields)
    }

    fn unknown_field(&self, object: &str, path: &str, field: &str, fields: &[Field]) -> SampleError {
        if let Some(moved) = self.maker.catalog.moved_at(self.object, path) {
            return SampleError::Moved { path: path.to_owned(), moved };
        }
        let near = webhook_catalog::nearest(field, fields.iter().map(|field| field.name));
        SampleError::UnknownField {
            object: object.to_owned(),
            path: path.to_owned(),
            field: field.to_owned(),
            near: near.first().map(|near| (*near).to_owned()),
        }
    }

    pub(super) fn mismatch(&self, expected: impl std::fmt::Display, value: &str) -> SampleError {
        self.mismatch_at(self.path, expected, value)
    }

    fn mismatch_at(&self, path: &str, expected: impl std::fmt::Display, value: &str) -> SampleError {
        SampleError::Mismatch {
            path: path.to_owned(),
            expected: expected.to_string(),
            value: value.to_owned(),
        }
    }
}

/// A value as a message shows it: a text without quotes, as it was given.
fn in_short(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The fields of an object. If it can be one of several, its `object` field says which.
pub(super) fn fields(catalog: &'static Catalog, shape: &Shape, value: &Value) -> Vec<Field> {
    match shape {
        Shape::Nested(fields) => fields.clone(),
        Shape::Object(names) => {
            let name = value["object"].as_str().filter(|name| names.contains(name)).unwrap_or(alive(names));
            catalog.object(name).map_or_else(Vec::new, |object| object.fields.clone())
        }
        Shape::List(inner) => Field::of_list(inner),
        _ => Vec::new(),
    }
}
