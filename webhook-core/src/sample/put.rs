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
    pub(super) value: &'a str,
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
        if self.value == "null" && nullable {
            return Ok(Value::Null);
        }
        let json = || serde_json::from_str::<Value>(self.value).ok();
        let read = match shape {
            Shape::Any => Some(json().unwrap_or_else(|| self.value.into())),
            Shape::Boolean => json().filter(Value::is_boolean),
            Shape::Enum(values) => values.contains(&self.value).then(|| self.value.into()),
            Shape::Float => json().filter(Value::is_number),
            Shape::Integer | Shape::Timestamp => json().filter(Value::is_i64),
            Shape::Array(_) => json().filter(Value::is_array),
            Shape::List(_) | Shape::Map(_) | Shape::Nested(_) | Shape::Object(_) => {
                json().filter(Value::is_object)
            }
            Shape::Expandable(_) => {
                Some(json().filter(Value::is_object).unwrap_or_else(|| self.value.into()))
            }
            Shape::Literal(text) => {
                let only = serde_json::from_str::<Value>(text).ok();
                only.filter(|only| json().as_ref() == Some(only) || only == self.value)
            }
            Shape::IntegerText => json().filter(Value::is_i64).map(|number| number.to_string().into()),
            _ => Some(self.value.into()),
        };
        read.ok_or_else(|| self.mismatch(shape, self.value))
    }
}
