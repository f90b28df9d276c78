//! The former values of what changed: partial, and null for a field that was not set.

use serde_json::{Value, json};
use webhook_catalog::{Catalog, Field, Shape};

use super::SampleError;
use super::make::Maker;
use super::put::{Given, Setting, fields};

/// One former value to be put in its place.
pub(super) struct Former {
    pub(super) maker: Maker,
    pub(super) object: &'static str,
    pub(super) path: String,
    pub(super) value: Given,
}

impl Former {
    /// Puts it at its path. The objects on the way contain only what changed.
    pub(super) fn put(&self, former: &mut Value) -> Result<(), SampleError> {
        let setting = Setting {
            maker: self.maker,
            event: None,
            object: self.object,
            path: &self.path,
            value: &self.value,
            is_former: true,
        };
        let mut shape = Shape::Object(vec![self.object]);
        let (mut place, mut done, mut left) = (former, Vec::new(), Some(self.path.as_str()));
        while let Some(path) = left {
            let step;
            (step, left) = shape.step(path);
            if matches!(shape, Shape::Array(_)) {
                let whole = "the whole array, because Stripe sends all of an array if any of it changed";
                return Err(setting.mismatch(whole, step));
            }
            (shape, _) = setting.inner(&Value::Null, &shape, &done, step)?;
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[step];
            done.push(step);
        }
        *place = setting.read(&shape, true)?;
        Ok(())
    }
}

/// Makes up a change for a type whose events report changes, if nothing else is known: the metadata if the object has
/// any, or else the first value that can have been different.
pub(super) fn made_up(catalog: &'static Catalog, object: &str, now: &Value) -> Option<Value> {
    let known = catalog.object(object)?;
    if known.fields.iter().any(|field| field.name == "metadata") {
        return Some(json!({ "metadata": { "note": "former note" } }));
    }
    another(catalog, &known.fields, now)
}

fn another(catalog: &'static Catalog, known: &[Field], now: &Value) -> Option<Value> {
    const FIXED: [&str; 6] = ["id", "object", "created", "livemode", "currency", "url"];
    known.iter().filter(|field| !FIXED.contains(&field.name)).find_map(|field| {
        let former = other_than(catalog, &field.shape, now.get(field.name)?)?;
        Some(json!({ field.name: former }))
    })
}

/// A value that the field may have had before this one.
fn other_than(catalog: &'static Catalog, shape: &Shape, now: &Value) -> Option<Value> {
    match (shape, now) {
        (Shape::Boolean, Value::Bool(now)) => Some((!now).into()),
        (Shape::Enum(values), now) => values.iter().find(|value| now != **value).map(|value| json!(value)),
        (Shape::Integer, now) => Some((now.as_i64().unwrap_or_default() + 1).into()),
        (Shape::String, now) => Some(format!("former {}", now.as_str().unwrap_or("text")).into()),
        (Shape::Nested(_) | Shape::Object(_), Value::Object(_)) => {
            another(catalog, &fields(catalog, shape, now), now)
        }
        _ => None,
    }
}
