//! The names of fields, wherever they stand: what tells a field from a key that somebody chose.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::{Field, Shape, object, objects};

/// What is known of all fields of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldName {
    /// The name.
    pub name: &'static str,
    /// Whether one of them holds keys that the user chose.
    pub is_a_map: bool,
}

/// Finds whether any object has a field of this name, at any depth.
pub fn field_named(name: &str) -> Option<FieldName> {
    static NAMES: LazyLock<BTreeMap<&str, bool>> = LazyLock::new(|| {
        let mut names = BTreeMap::new();
        for object in objects().filter_map(object) {
            note(&object.fields, &mut names);
        }
        note(&Field::of_list(&Shape::Any), &mut names);
        names
    });
    NAMES.get_key_value(name).map(|(name, is_a_map)| FieldName { name, is_a_map: *is_a_map })
}

fn note(fields: &[Field], names: &mut BTreeMap<&'static str, bool>) {
    for field in fields {
        *names.entry(field.name).or_default() |= matches!(field.shape, Shape::Map(_));
        note_within(&field.shape, names);
    }
}

fn note_within(shape: &Shape, names: &mut BTreeMap<&'static str, bool>) {
    match shape {
        Shape::Array(of) | Shape::Expandable(of) | Shape::List(of) | Shape::Map(of) => note_within(of, names),
        Shape::Nested(fields) => note(fields, names),
        _ => {}
    }
}
