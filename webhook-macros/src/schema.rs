//! Looking up objects and paths in the catalog.

use webhook_catalog::{EventType, Shape, nearest};

use crate::diagnostics::did_you_mean;

mod describe;
mod missing;
mod sparse;
mod tokens;
mod walk;

pub(crate) use describe::{in_words, part_in_words, readers_of, remark};
pub(crate) use sparse::{is_lacking, sparse_fields, sparse_fields_of};
pub(crate) use tokens::{digest, marker, marker_of, places};

/// The place in the schema that a view or an enum is made for: an object, or a place inside one.
#[derive(Clone)]
pub(crate) struct SchemaPath {
    pub(crate) object: &'static str,
    /// Empty for the object itself.
    pub(crate) at: String,
    pub(crate) shape: Shape,
    /// The event that carries the object, if there is a particular one.
    pub(crate) event: Option<&'static EventType>,
}

/// What is at a path.
pub(crate) struct Found {
    /// The keys on the way to it; the last is its own.
    pub(crate) steps: Vec<String>,
    pub(crate) shape: Shape,
    /// Whether it, or a step on the way to it, may be null.
    pub(crate) nullable: bool,
    /// Whether it, or a step on the way to it, may be absent.
    pub(crate) optional: bool,
    /// Whether only a part of it is sent: the previous attributes contain only what changed.
    pub(crate) partial: bool,
}

impl Found {
    fn begin(shape: &Shape) -> Self {
        Self { steps: Vec::new(), shape: shape.clone(), nullable: false, optional: false, partial: false }
    }

    /// The same place in the previous attributes, where any value may be absent, or null if it was not set. For an object,
    /// and so for a list, only the keys that changed are sent; an array is sent whole.
    ///
    /// Sources: <https://docs.stripe.com/api/events/object> on arrays, and on objects recordings of events, in which a
    /// list is `{"data": [...]}`.
    pub(crate) fn of_previous(mut self) -> Self {
        if let Shape::List(inner) = self.shape {
            self.steps.push("data".to_owned());
            self.shape = Shape::Array(inner);
        }
        Self { nullable: true, optional: true, partial: true, ..self }
    }

    pub(crate) fn may_be_missing(&self) -> bool {
        self.nullable || self.optional
    }
}

/// Finds an object by name.
pub(crate) fn object(name: &str) -> Result<SchemaPath, String> {
    match webhook_catalog::object(name) {
        Some(object) => {
            let shape = Shape::Nested(object.fields.clone());
            Ok(SchemaPath { object: object.name, at: String::new(), shape, event: None })
        }
        None => {
            let near = nearest(name, webhook_catalog::objects());
            let events = webhook_catalog::find(name).filter(|known| !known.objects.is_empty());
            Err(match events {
                Some(event) => {
                    format!(
                        "`{name}` is an event type, which carries the object `{}`",
                        event.objects.join("` or `")
                    )
                }
                None => format!(
                    "Stripe has no object `{name}`{}",
                    did_you_mean(&near, "the `events` command lists the objects that events carry")
                ),
            })
        }
    }
}

/// Finds an object as an event carries it.
pub(crate) fn object_of(event: &'static EventType, name: &str) -> Result<SchemaPath, String> {
    let mut place = object(name)?;
    if let Some(object) = event.object(name) {
        place.shape = Shape::Nested(object.fields.clone());
    }
    Ok(SchemaPath { event: Some(event), ..place })
}

impl SchemaPath {
    /// The place's name for messages: `payment_intent`, `payment_intent.amount_details`.
    pub(crate) fn name(&self) -> String {
        if self.at.is_empty() { self.object.to_owned() } else { format!("{}.{}", self.object, self.at) }
    }
}

/// What an array, list, map or reference holds.
pub(crate) fn element(shape: &Shape) -> &Shape {
    match shape {
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            element(inner)
        }
        other => other,
    }
}
