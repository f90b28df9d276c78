//! Overriding one field of a sample.

use serde_json::Value;
use webhook_catalog::{Field, Shape};

use super::SampleError;
use super::make::Maker;

/// One override, on its way to its field.
pub(super) struct Setting<'a> {
    pub(super) maker: Maker,
    pub(super) owner: &'a str,
    pub(super) path: &'a str,
    pub(super) value: Given<'a>,
}

/// The value to be set.
pub(super) enum Given<'a> {
    /// As it is.
    Json(Value),
    /// As text, to be read as what the field holds.
    Text(&'a str),
}

impl Setting<'_> {
    /// Goes the steps of the path into `place`, which holds (or is to hold) a value of this shape.
    pub(super) fn put<'s>(
        &self,
        place: &mut Value,
        shape: &Shape,
        nullable: bool,
        mut steps: impl Iterator<Item = &'s str>,
        depth: usize,
    ) -> Result<(), SampleError> {
        let Some(step) = steps.next() else {
            *place = self.read(shape, nullable)?;
            return Ok(());
        };
        if !place.is_object() && !place.is_array() {
            *place = self.container(step, shape);
        }
        let (shape, nullable) = self.inner(place, shape, step)?;
        let inner = match place {
            Value::Array(values) => {
                let at: usize =
                    step.parse().map_err(|_| self.mismatch("a number, the place in an array", step))?;
                if at > values.len() {
                    return Err(self.mismatch("the place of a value that is there, or the next", step));
                }
                if at == values.len() {
                    values.push(self.maker.value(self.owner, step, &shape, depth));
                }
                &mut values[at]
            }
            Value::Object(fields) => fields.entry(step).or_insert(Value::Null),
            _ => return Err(self.no_field(step, &[])),
        };
        self.put(inner, &shape, nullable, Box::new(steps) as Box<dyn Iterator<Item = &str>>, depth + 1)
    }

    /// A value to go into, in the place of an id or a null.
    fn container(&self, step: &str, shape: &Shape) -> Value {
        match shape {
            Shape::Expandable(inner) => self.maker.value(self.owner, step, inner, 0),
            Shape::Object(names) => self.maker.object(names[0], 0),
            other => self.maker.value(self.owner, step, other, 0),
        }
    }

    /// What stands behind a step.
    fn inner(&self, place: &Value, shape: &Shape, step: &str) -> Result<(Shape, bool), SampleError> {
        let fields = match shape {
            Shape::Any => return Ok((Shape::Any, true)),
            Shape::Array(inner) | Shape::Map(inner) => return Ok(((**inner).clone(), false)),
            Shape::List(inner) if step == "data" => return Ok((Shape::Array(inner.clone()), false)),
            Shape::Expandable(inner) => return self.inner(place, inner, step),
            Shape::Nested(fields) => fields,
            Shape::Object(names) => {
                let name = place["object"].as_str().unwrap_or(names[0]);
                webhook_catalog::object(name).map_or(&[][..], |object| &object.fields[..])
            }
            _ => &[],
        };
        let field =
            fields.iter().find(|field| field.name == step).ok_or_else(|| self.no_field(step, fields))?;
        Ok((field.shape.clone(), field.nullable))
    }

    fn no_field(&self, step: &str, fields: &[Field]) -> SampleError {
        let near = webhook_catalog::nearest(step, fields.iter().map(|field| field.name));
        SampleError::UnknownField {
            object: self.owner.to_owned(),
            path: self.path.to_owned(),
            field: step.to_owned(),
            near: near.first().map(|near| (*near).to_owned()),
        }
    }

    fn mismatch(&self, expected: impl std::fmt::Display, value: &str) -> SampleError {
        SampleError::Mismatch {
            path: self.path.to_owned(),
            expected: expected.to_string(),
            value: value.to_owned(),
        }
    }

    fn read(&self, shape: &Shape, nullable: bool) -> Result<Value, SampleError> {
        let fits = |value: &Value| value.is_null() && nullable || fits(shape, value);
        match &self.value {
            Given::Json(value) if fits(value) => Ok(value.clone()),
            Given::Json(value) => Err(self.mismatch(shape, &value.to_string())),
            Given::Text(text) => {
                let json = serde_json::from_str::<Value>(text).ok().filter(|json| !json.is_string());
                // A field that holds a text takes the text as it stands, even if it looks like a number.
                let (first, second) = match shape {
                    Shape::Any => (json, Some((*text).into())),
                    _ if nullable && *text == "null" => (json, None),
                    _ => (Some((*text).into()), json),
                };
                first.into_iter().chain(second).find(fits).ok_or_else(|| self.mismatch(shape, text))
            }
        }
    }
}

/// Tells whether a field of a shape holds such a value; of objects and arrays, only the kind is looked at.
fn fits(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Array(_) => value.is_array(),
        Shape::Boolean => value.is_boolean(),
        Shape::Enum(values) => value.as_str().is_some_and(|value| values.contains(&value)),
        Shape::Expandable(_) => value.is_string() || value.is_object(),
        Shape::Float => value.is_number(),
        Shape::Integer | Shape::Timestamp => value.is_i64(),
        Shape::IntegerText => value.as_str().is_some_and(|value| value.parse::<i64>().is_ok()),
        Shape::List(_) | Shape::Map(_) | Shape::Nested(_) | Shape::Object(_) => value.is_object(),
        Shape::Literal(text) => serde_json::from_str::<Value>(text).is_ok_and(|only| only == *value),
        _ => value.is_string(),
    }
}
