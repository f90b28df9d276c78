//! How the enabled API versions differ in a field, to follow what they have in common.

use webhook_core::catalog::{Catalog, Field, Shape, Version, span};

use super::super::subject::{Part, element};

/// The fields at one place, in each version that has the place. Empty if only one version is shown.
#[derive(Clone)]
pub(super) struct OfVersions(Vec<(Version, &'static [Field])>);

impl OfVersions {
    /// The fields of a part, in the versions of a catalog.
    pub(super) fn of(catalog: &Catalog, part: &Part) -> Self {
        let several = Some(catalog.versions()).filter(|versions| versions.len() > 1).unwrap_or_default();
        let has_object = several
            .iter()
            .filter_map(|version| Some((*version, &*version.catalog()?.object(part.object)?.fields)));
        part.steps.iter().fold(Self(has_object.collect()), |place, step| place.inside(step, None))
    }

    /// The fields inside a field; of the object `name`, if it holds one of several.
    pub(super) fn inside(&self, field: &str, name: Option<&str>) -> Self {
        let inside = self.0.iter().filter_map(|(version, fields)| {
            let field = fields.iter().find(|known| known.name == field)?;
            let fields: &'static [Field] = match element(&field.shape) {
                Shape::Nested(fields) => fields,
                Shape::Object(names) => &version.catalog()?.object(name.unwrap_or(names[0]))?.fields,
                _ => return None,
            };
            Some((*version, fields))
        });
        Self(inside.collect())
    }

    /// The versions that lack a field: `  not in 2024-06-20`. Empty if all have it.
    pub(super) fn lacking(&self, field: &Field) -> String {
        self.some(|known| known.is_none(), field).map_or_else(String::new, |some| format!("  not in {some}"))
    }

    /// What to say about null: ` | null`, or ` | null in 2024-06-20`. Empty if it is never null.
    pub(super) fn null(&self, field: &Field) -> String {
        if !field.nullable {
            return String::new();
        }
        let having = self.0.iter().filter(|(_, fields)| fields.iter().any(|known| known.name == field.name));
        let some =
            Self(having.copied().collect()).some(|known| known.is_some_and(|known| known.nullable), field);
        some.map_or_else(|| " | null".to_owned(), |some| format!(" | null in {some}"))
    }

    /// The versions of which a test holds. `None` if it holds of all, or if there is only one.
    fn some(&self, holds: impl Fn(Option<&Field>) -> bool, field: &Field) -> Option<String> {
        let holds = |fields: &[Field]| holds(fields.iter().find(|known| known.name == field.name));
        let some: Vec<_> =
            self.0.iter().filter(|(_, fields)| holds(fields)).map(|(version, _)| *version).collect();
        (!some.is_empty() && some.len() < self.0.len()).then(|| span(&some))
    }
}
