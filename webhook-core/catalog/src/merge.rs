//! Several API versions as one.

use std::collections::BTreeMap;

use crate::difference::order;
use crate::{EventType, Field, Shape};

/// The event types of several versions. One of them carries what it carries in any of them.
pub(crate) fn event_types<'a>(versions: impl Iterator<Item = &'a [EventType]>) -> Vec<EventType> {
    let mut merged: BTreeMap<&str, EventType> = BTreeMap::new();
    for known in versions.flatten() {
        match merged.get_mut(known.name) {
            None => _ = merged.insert(known.name, known.clone()),
            Some(other) => {
                join(&mut other.objects, &known.objects);
                other.data |= known.data;
                other.singleton |= known.singleton;
            }
        }
    }
    merged.into_values().collect()
}

/// The fields of an object, or of what is nested in one, in several versions that have it.
pub(crate) fn fields<'a>(versions: impl Iterator<Item = &'a [Field]>) -> Vec<Field> {
    let mut merged: Vec<Field> = Vec::new();
    let mut is_first = true;
    for fields in versions {
        for known in merged.iter_mut().filter(|known| fields.iter().all(|field| field.name != known.name)) {
            known.optional = true;
        }
        for field in fields {
            match merged.iter_mut().find(|known| known.name == field.name) {
                None => merged.push(Field { optional: field.optional || !is_first, ..field.clone() }),
                Some(known) => {
                    known.optional |= field.optional;
                    known.nullable |= field.nullable;
                    known.shape = shape(&known.shape, &field.shape);
                }
            }
        }
        is_first = false;
    }
    merged.sort_by_key(|field| order(field.name));
    merged
}

/// The narrowest shape of which every reader can read both: a value that is sometimes an integer and sometimes not is read
/// as a float, and anything can be read as untyped JSON.
fn shape(a: &Shape, b: &Shape) -> Shape {
    use Shape::*;
    let both = |a: &Shape, b: &Shape| Box::new(shape(a, b));
    match (a, b) {
        _ if a == b => a.clone(),
        (Array(a), Array(b)) => Array(both(a, b)),
        (List(a), List(b)) => List(both(a, b)),
        (Map(a), Map(b)) => Map(both(a, b)),
        (Nested(a), Nested(b)) => Nested(fields([&**a, &**b].into_iter())),
        (Object(a), Object(b)) => Object(joined(a, b)),
        (Expandable(a), Expandable(b)) => Expandable(both(a, b)),
        // The id alone, and the object alone.
        (Expandable(inner), String) | (String, Expandable(inner)) => Expandable(inner.clone()),
        (Expandable(a), b @ (Object(_) | Nested(_))) | (b @ (Object(_) | Nested(_)), Expandable(a)) => {
            Expandable(both(a, b))
        }
        (Integer, Float) | (Float, Integer) => Float,
        (Integer, Timestamp) | (Timestamp, Integer) => Integer,
        (Literal("true" | "false"), Boolean | Literal("true" | "false"))
        | (Boolean, Literal("true" | "false")) => Boolean,
        (a, b) => match (texts(a), texts(b)) {
            (Some(a), Some(b)) => Enum(joined(&a, &b)),
            _ if is_text(a) && is_text(b) => String,
            _ => Any,
        },
    }
}

/// The values of an enum, or of a text that is always the same.
fn texts(shape: &Shape) -> Option<Vec<&'static str>> {
    match shape {
        Shape::Enum(values) => Some(values.clone()),
        Shape::Literal(value) => value.strip_prefix('"')?.strip_suffix('"').map(|value| vec![value]),
        _ => None,
    }
}

fn is_text(shape: &Shape) -> bool {
    matches!(shape, Shape::DateTime | Shape::Decimal | Shape::IntegerText | Shape::String)
        || texts(shape).is_some()
}

fn joined(a: &[&'static str], b: &[&'static str]) -> Vec<&'static str> {
    let mut all = a.to_vec();
    join(&mut all, b);
    all
}

/// Adds what is missing, in order.
fn join(all: &mut Vec<&'static str>, more: &[&'static str]) {
    all.extend_from_slice(more);
    all.sort_unstable();
    all.dedup();
}
