//! Looking up objects and paths in the catalog.

use webhook_catalog::{Catalog, EventType, Shape, Version, nearest};

use crate::diagnostics::did_you_mean;

mod describe;
mod missing;
mod sparse;
mod tokens;
mod versions;
mod walk;

pub(crate) use describe::{in_words, part_in_words, readers_of, remark};
pub(crate) use sparse::{is_lacking, sparse_fields, sparse_fields_of};
pub(crate) use tokens::{digest, marker, marker_of, places};
pub(crate) use versions::{missing_in_words, only_in, shapes_in_words};

/// The place in the schema that a view or an enum is made for: an object, or a place inside one.
#[derive(Clone)]
pub(crate) struct SchemaPath {
    pub(crate) object: &'static str,
    /// Empty for the object itself.
    pub(crate) at: String,
    pub(crate) shape: Shape,
    /// Where further objects are looked up: in the enabled API versions together, or in one.
    pub(crate) catalog: &'static Catalog,
    /// The enabled versions together.
    pub(crate) enabled: &'static Catalog,
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
    /// The version that added it, if no enabled version has it.
    pub(crate) added_in: Option<Version>,
}

impl Found {
    fn begin(shape: &Shape) -> Self {
        Self {
            steps: Vec::new(),
            shape: shape.clone(),
            nullable: false,
            optional: false,
            partial: false,
            added_in: None,
        }
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

/// Finds an object of the enabled API versions by name.
pub(crate) fn object(name: &str) -> Result<SchemaPath, String> {
    let enabled = Catalog::enabled();
    object_in(enabled, enabled, name).ok_or_else(|| {
        let versions: Vec<_> = versions::with(|catalog| catalog.object(name).is_some()).collect();
        if !versions.is_empty() {
            return only_in(&format!("the object `{name}`"), &versions, enabled);
        }
        let events = webhook_catalog::find(name).filter(|known| !known.objects.is_empty());
        if let Some(event) = events {
            return format!(
                "`{name}` is an event type, which carries the object `{}`",
                event.objects.join("` or `")
            );
        }
        let near = nearest(name, webhook_catalog::objects());
        format!(
            "Stripe has no object `{name}`{}",
            did_you_mean(&near, "the `events` command lists the objects that events carry")
        )
    })
}

fn object_in(catalog: &'static Catalog, enabled: &'static Catalog, name: &str) -> Option<SchemaPath> {
    let object = catalog.object(name)?;
    let shape = Shape::Nested(object.fields.clone());
    Some(SchemaPath { object: object.name, at: String::new(), shape, catalog, enabled, event: None })
}

/// Finds an object of a version, or of the enabled ones together, as an event carries it.
pub(crate) fn object_of(
    catalog: &'static Catalog,
    event: &'static EventType,
    name: &str,
) -> Option<SchemaPath> {
    let shape = Shape::Nested(catalog.object_of(event, name)?.fields.clone());
    let place = object_in(catalog, Catalog::enabled(), name)?;
    Some(SchemaPath { event: Some(event), shape, ..place })
}

impl SchemaPath {
    /// The place's name for messages: `payment_intent`, `payment_intent.amount_details`.
    pub(crate) fn name(&self) -> String {
        if self.at.is_empty() { self.object.to_owned() } else { format!("{}.{}", self.object, self.at) }
    }

    /// A path from this place as a path from the object.
    fn whole(&self, path: &str) -> String {
        if self.at.is_empty() { path.to_owned() } else { format!("{}.{path}", self.at) }
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
