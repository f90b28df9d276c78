//! The names of all fields, which distinguish a field from a key that a user chose.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::{Catalog, Field, Shape};

/// What is known about all fields with this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldName {
    /// The name.
    pub name: &'static str,
    /// Whether one of them is a map with keys that the user chose.
    pub is_a_map: bool,
}

/// Finds a field name. `None` if no object, and no data of a thin event, has such a field at any depth.
pub fn field_named(name: &str) -> Option<FieldName> {
    static NAMES: LazyLock<BTreeMap<&str, bool>> = LazyLock::new(|| {
        let mut names = BTreeMap::new();
        let catalog = Catalog::enabled();
        for object in catalog.described().filter_map(|name| catalog.object(name)) {
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
