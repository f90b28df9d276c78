//! `events --explain`: the fields of the object that an event carries, of any object, or of a value inside an object.
//!
//! The text and the JSON are made from the same [`Subject`]. A field is expanded below its line if its type has no name
//! of its own; named objects are expanded up to `--depth`.

mod versions;

use serde::Serialize;
use webhook_core::catalog::{self, Catalog, EventType, Field, Kind, Move, Shape, Version};

use self::versions::OfVersions;
use super::subject::{Part, Subject};
use crate::command::table::hanging;
use crate::command::{Failure, Format, Output, json};
use crate::report::console::print;

/// Prints what is known of a type, an object or a path, in one API version or in the enabled ones together.
pub(super) fn explain(
    written: &str,
    version: Option<Version>,
    depth: usize,
    output: Output,
) -> Result<(), Failure> {
    let catalog = version.and_then(Version::catalog).unwrap_or_else(Catalog::enabled);
    let subject = Subject::find(catalog, written)?;
    match output.format() {
        Format::Json => print(&json(&Explained::of(&subject, depth))?),
        Format::Table => print(&hanging(&text(&subject, depth), output.width())),
    }
    Ok(())
}

#[derive(Serialize)]
struct Explained {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event_type: Option<&'static str>,
    /// Several, if they are shown together.
    api_version: String,
    /// The fields that the object never has in this event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<&'static str>,
    objects: Vec<ExplainedPart>,
}

#[derive(Serialize)]
struct ExplainedPart {
    object: String,
    fields: Vec<ExplainedField>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    moved: Vec<Moved>,
}

#[derive(Serialize)]
struct ExplainedField {
    path: String,
    /// May be absent.
    optional: bool,
    /// May be null.
    nullable: bool,
    is: String,
}

/// A field of an earlier API version.
#[derive(Serialize)]
struct Moved {
    field: &'static str,
    to: Vec<&'static str>,
    note: Option<&'static str>,
    version: &'static str,
    source: &'static str,
}

impl Explained {
    fn of(subject: &Subject, depth: usize) -> Self {
        let parts = subject.parts.iter().map(|part| {
            let mut fields = Vec::new();
            collect(subject.catalog, &part.fields, "", depth, &mut fields);
            let moved = moves(part).map(|known| Moved {
                field: known.field,
                to: known.to.clone(),
                note: known.note,
                version: known.version,
                source: known.source,
            });
            ExplainedPart { object: part.name(), fields, moved: moved.collect() }
        });
        Self {
            event_type: subject.event.map(|event| event.name),
            api_version: catalog::names(subject.catalog.versions()),
            lacks: lacks(subject.event),
            objects: parts.collect(),
        }
    }
}

/// Adds the fields and everything inside them, each with its whole path.
fn collect(
    catalog: &'static Catalog,
    fields: &[Field],
    above: &str,
    depth: usize,
    collected: &mut Vec<ExplainedField>,
) {
    for field in fields {
        let path = format!("{above}{}", field.name);
        collected.push(ExplainedField {
            path: path.clone(),
            optional: field.optional,
            nullable: field.nullable,
            is: field.shape.to_string(),
        });
        for Inside { fields, depth, .. } in inside(catalog, &field.shape, depth) {
            let elements = if matches!(field.shape, Shape::List(_)) { ".data[]" } else { "" };
            collect(catalog, fields, &format!("{path}{elements}."), depth, collected);
        }
    }
}

/// The explanation for people.
fn text(subject: &Subject, depth: usize) -> String {
    let mut text = match subject.event {
        Some(event) if event.kind == Kind::Thin => format!("{} has data when it is fetched", event.name),
        Some(event) => format!("{} carries {}", event.name, event.objects.join(" or ")),
        None => subject.written.clone(),
    };
    text.push_str(&format!(" (API version {})\n", catalog::names(subject.catalog.versions())));
    text.push_str("?  may be absent    | null  may be null    both need an `Option`\n");
    for part in &subject.parts {
        text.push_str(&format!("\n{}\n", part.name()));
        let of_versions = OfVersions::of(subject.catalog, part);
        tree((subject.catalog, &of_versions), &part.fields, 1, depth, &mut text);
        moved(part, subject.catalog, &mut text);
    }
    for field in lacks(subject.event) {
        text.push_str(&format!("\nThis event has no `{field}`, which the object has elsewhere.\n"));
    }
    text
}

/// Adds a line for each field, indented by its level.
fn tree(
    (catalog, versions): (&'static Catalog, &OfVersions),
    fields: &[Field],
    indent: usize,
    depth: usize,
    text: &mut String,
) {
    for field in fields {
        let absent = if field.optional { "?" } else { "" };
        let (null, lacking) = (versions.null(field), versions.lacking(field));
        let (name, shape) = (field.name, &field.shape);
        text.push_str(&format!("{:1$}{name}{absent}: {shape}{null}{lacking}\n", "", 2 * indent));
        let inner = inside(catalog, &field.shape, depth);
        let is_one_of_several = inner.len() > 1;
        for Inside { name, fields, depth } in inner {
            let mut indent = indent + 1;
            if matches!(field.shape, Shape::List(_)) {
                text.push_str(&format!("{:1$}data[]:\n", "", 2 * indent));
                indent += 1;
            }
            if let Some(name) = name.filter(|_| is_one_of_several) {
                text.push_str(&format!("{:1$}{name}:\n", "", 2 * indent));
                indent += 1;
            }
            let versions = versions.inside(field.name, name);
            tree((catalog, &versions), fields, indent, depth, text);
        }
    }
}

/// The fields inside a field.
struct Inside<'a> {
    /// The name of the object, if it has one.
    name: Option<&'static str>,
    fields: &'a [Field],
    /// How many more levels to expand.
    depth: usize,
}

/// The fields to show below a field: always those of an unnamed value, and those of a named object up to the depth.
fn inside<'s>(catalog: &'static Catalog, shape: &'s Shape, depth: usize) -> Vec<Inside<'s>> {
    match shape {
        Shape::Nested(fields) => vec![Inside { name: None, fields, depth }],
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            inside(catalog, inner, depth)
        }
        Shape::Object(names) if depth > 0 => {
            let alive = names.iter().filter(|name| !name.starts_with("deleted_"));
            let objects = alive.filter_map(|name| catalog.object(name));
            objects
                .map(|object| Inside { name: Some(object.name), fields: &object.fields, depth: depth - 1 })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Adds where fields of earlier API versions went, and where later ones have the fields of this one.
fn moved(part: &Part, catalog: &Catalog, text: &mut String) {
    let is_later = |known: &&Move| Version::of(known.version).as_ref() > catalog.versions().last();
    let (later, earlier): (Vec<_>, Vec<_>) = moves(part).partition(is_later);
    for (heading, moves) in [("In earlier API versions", earlier), ("Changes in later API versions", later)] {
        if !moves.is_empty() {
            text.push_str(&format!("\n  {heading}:\n"));
        }
        for known in moves {
            text.push_str(&format!("  {known}\n"));
        }
    }
}

/// The moves of fields of a part, the oldest first.
fn moves(part: &Part) -> impl Iterator<Item = &'static Move> {
    let (object, inside) = (part.object, part.inside());
    catalog::moves().iter().filter(move |known| {
        !part.is_value
            && known.object == object
            && known
                .field
                .strip_prefix(&*inside)
                .is_some_and(|rest| inside.is_empty() || rest.starts_with('.'))
    })
}

/// The fields that the object never has in this event.
fn lacks(event: Option<&'static EventType>) -> Vec<&'static str> {
    event.iter().flat_map(|event| event.lacks()).collect()
}

#[cfg(test)]
mod tests;
