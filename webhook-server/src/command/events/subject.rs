//! The subject of `--explain`: an event type, an object, or a path inside one.

use webhook_core::catalog::{self, Catalog, EventType, Field, Kind, Mismatch, Shape, versions_with};

use super::{only_in_versions, unknown};
use crate::command::Failure;

/// The subject of `--explain`.
pub(super) struct Subject {
    /// The text that named it.
    pub(super) written: String,
    /// The event, if the text names an event without a path.
    pub(super) event: Option<&'static EventType>,
    /// The objects to show; several if Stripe sends one of several.
    pub(super) parts: Vec<Part>,
    /// The API version, or the enabled ones together.
    pub(super) catalog: &'static Catalog,
}

/// An object, or an unnamed value inside one.
pub(super) struct Part {
    /// The name of the object.
    pub(super) object: &'static str,
    /// The steps inside the object.
    pub(super) steps: Vec<String>,
    /// The fields to show; the value itself if it has no fields.
    pub(super) fields: Vec<Field>,
    /// Whether it is a single value without fields.
    pub(super) is_value: bool,
}

impl Part {
    fn of(object: &'static str, fields: Vec<Field>) -> Self {
        Self { object, steps: Vec::new(), fields, is_value: false }
    }

    /// Returns the path inside the object.
    pub(super) fn inside(&self) -> String {
        self.steps.join(".")
    }

    /// Returns the object's name and the path.
    pub(super) fn name(&self) -> String {
        if self.steps.is_empty() {
            self.object.to_owned()
        } else {
            format!("{}.{}", self.object, self.inside())
        }
    }
}

impl Subject {
    /// Finds the subject that a text names: `invoice.paid`, `subscription_item`, `subscription.items.data`,
    /// `invoice.paid.lines`.
    pub(super) fn find(catalog: &'static Catalog, written: &str) -> Result<Self, Failure> {
        if written.contains('*') {
            return Err(Failure::Failed(format!("`{written}` is a pattern, but --explain takes one type")));
        }
        for name in beginnings(written) {
            let path = written[name.len()..].strip_prefix('.');
            if let Some(parts) = named(catalog, name) {
                return Self::inside(catalog, written, name, parts, path);
            }
        }
        Err(unnamed(catalog, written))
    }

    /// Follows a path in each of several parts.
    fn inside(
        catalog: &'static Catalog,
        written: &str,
        name: &str,
        parts: Vec<Part>,
        path: Option<&str>,
    ) -> Result<Self, Failure> {
        let written = written.to_owned();
        let Some(path) = path else {
            return Ok(Self { written, event: catalog.find(name), parts, catalog });
        };
        let lost = |part, (here, step): (Part, &str)| no_field(catalog, part, path, &here, step);
        let found: Vec<_> =
            parts.iter().map(|part| walk(catalog, part, path).map_err(|at| lost(part, at))).collect();
        // If an event carries one of several objects, it is enough that one of them has the path.
        if found.iter().all(Result::is_err) {
            let others = versions_with(|catalog| catalog.find(&written).is_some());
            if !others.is_empty() {
                return Err(Failure::Failed(only_in_versions(&format!("`{written}`"), &others)));
            }
            return Err(match found.into_iter().find_map(Result::err) {
                Some(lost) if lost.is_helpful || !is_like_an_event(&written) => Failure::Failed(lost.message),
                _ => unnamed(catalog, &written),
            });
        }
        Ok(Self { written, event: None, parts: found.into_iter().flatten().flatten().collect(), catalog })
    }
}

/// The whole of a path, and what is left of it without its last steps, the longest first.
fn beginnings(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.collect::<Vec<_>>().into_iter().rev().map(|end| &path[..end])
}

/// The objects that a name stands for, as an event type or as an object.
fn named(catalog: &'static Catalog, name: &str) -> Option<Vec<Part>> {
    if let Some(event) = catalog.find(name).filter(|event| event.kind == Kind::Snapshot) {
        let carried = event.objects.iter().filter_map(|name| catalog.object_of(event, name));
        return Some(carried.map(|object| Part::of(object.name, object.fields.clone())).collect());
    }
    catalog.object(name).map(|object| vec![Part::of(object.name, object.fields.clone())])
}

/// Follows a path. `data`, `[]` and numbers lead into lists and arrays, and may be left out. The error is where the path was
/// lost, and the step that is not there.
fn walk<'p>(catalog: &'static Catalog, part: &Part, path: &'p str) -> Result<Vec<Part>, (Part, &'p str)> {
    let mut here = Part { fields: part.fields.clone(), ..Part::of(part.object, Vec::new()) };
    let mut shape = Shape::Nested(here.fields.clone());
    let mut is_list = false;
    for step in path.split('.') {
        let step = step.split('[').next().unwrap_or(step);
        if std::mem::take(&mut is_list) && step == "data" || step.is_empty() || step.parse::<usize>().is_ok()
        {
            continue;
        }
        let field = here.fields.iter().find(|field| field.name == step).cloned();
        let Some(field) = field else { return Err((here, step)) };
        is_list = matches!(field.shape, Shape::List(_));
        here.steps.push(step.to_owned());
        shape = field.shape.clone();
        match element(&shape) {
            Shape::Nested(fields) => here.fields = fields.clone(),
            Shape::Object(names) => match catalog.object(names[0]) {
                Some(object) => here = Part::of(object.name, object.fields.clone()),
                None => here.fields.clear(),
            },
            // A value without fields is shown as one line.
            _ => {
                here.steps.pop();
                here.fields = vec![field];
                here.is_value = true;
            }
        }
    }
    let others = match element(&shape) {
        Shape::Object(names) => names[1..].iter().filter(|name| !name.starts_with("deleted_")).copied(),
        _ => return Ok(vec![here]),
    };
    Ok(std::iter::once(here).chain(others.filter_map(|name| named(catalog, name)).flatten()).collect())
}

/// Why a path was not found.
struct Lost {
    message: String,
    /// Whether the message suggests a correction.
    is_helpful: bool,
}

/// Says that a step of a path does not exist, and where it went, which versions have it, or what may have been meant.
fn no_field(catalog: &'static Catalog, part: &Part, path: &str, here: &Part, step: &str) -> Lost {
    if let Some(moved) = catalog.moved_at(part.object, path) {
        return Lost { message: moved.to_string(), is_helpful: true };
    }
    let has = |part: &Part, catalog| walk(catalog, part, path).is_ok();
    let others = versions_with(|catalog| {
        named(catalog, part.object).is_some_and(|parts| parts.iter().any(|part| has(part, catalog)))
    });
    if !others.is_empty() {
        let message = only_in_versions(&format!("`{path}` of `{}`", part.object), &others);
        return Lost { message, is_helpful: true };
    }
    let near = catalog::nearest(step, here.fields.iter().map(|field| field.name));
    let hint = near.first().map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
    let message = format!("`{}` has no field `{step}`{hint}", here.name());
    Lost { message, is_helpful: !near.is_empty() }
}

/// Whether the text may be a misspelled event type: `payment_intent.succeded`.
fn is_like_an_event(written: &str) -> bool {
    matches!(catalog::expand(written), Err(Mismatch::Unknown(near)) if !near.is_empty())
}

/// Reports a name that is neither an event type nor an object, with the versions in which it is one, or a suggestion.
fn unnamed(catalog: &'static Catalog, written: &str) -> Failure {
    for name in beginnings(written).take_while(|name| named(catalog, name).is_none()) {
        let others = versions_with(|catalog| named(catalog, name).is_some());
        if !others.is_empty() {
            return Failure::Failed(only_in_versions(&format!("`{name}`"), &others));
        }
    }
    let mismatch = match catalog::expand(written) {
        Err(mismatch) => mismatch,
        Ok(_) => Mismatch::Unknown(Vec::new()),
    };
    let near = catalog::nearest(written, catalog::objects());
    match (&mismatch, near.first()) {
        (Mismatch::Unknown(types), Some(near)) if types.is_empty() => Failure::Failed(format!(
            "there is no snapshot event type or object `{written}`: did you mean `{near}`?"
        )),
        _ => unknown(written, &mismatch),
    }
}

/// The element type of an array, list, map or reference.
pub(super) fn element(shape: &Shape) -> &Shape {
    match shape {
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            element(inner)
        }
        other => other,
    }
}
