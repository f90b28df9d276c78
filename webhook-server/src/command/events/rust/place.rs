//! The object, or path inside an object, that a view reads; and what is at a path there.

use webhook_core::catalog::{self, EventType, Field, Object, Shape};

use crate::command::Failure;
use crate::command::events::subject::element;

/// Fields that most programs read.
const FIELDS_MOST_WANTED: [&str; 6] = ["amount", "currency", "customer", "status", "total", "type"];

/// How many fields a view has if the user chose none.
const FIELDS_OF_A_VIEW: usize = 8;

/// The object, or path inside an object, that a view reads.
#[derive(Clone)]
pub(super) struct Place {
    /// The name of the object.
    pub(super) object: &'static str,
    /// The path inside the object; empty for the object itself.
    pub(super) at: String,
    /// The fields at the place.
    fields: Vec<Field>,
    /// The event that carries the object, if the place is the object itself.
    event: Option<&'static EventType>,
}

/// What is at a path.
pub(super) struct Found {
    pub(super) shape: Shape,
    /// Whether the value, or anything on the way to it, can be null or absent.
    pub(super) may_be_missing: bool,
}

impl Place {
    fn object(object: &Object) -> Self {
        Self { object: object.name, at: String::new(), fields: object.fields.clone(), event: None }
    }

    /// An object in an event, without the fields that the event lacks.
    pub(super) fn carried(event: &'static EventType, object: &Object) -> Self {
        let mut place = Self { event: Some(event), ..Self::object(object) };
        place.fields.retain(|field| event.lacks().all(|lacking| lacking != field.name));
        place
    }

    /// The place that a path leads to, if it has fields.
    pub(super) fn inner(&self, path: &str, shape: &Shape) -> Option<Self> {
        match element(shape) {
            Shape::Nested(fields) => {
                let at = if self.at.is_empty() { path.to_owned() } else { format!("{}.{path}", self.at) };
                Some(Self { object: self.object, at, fields: fields.clone(), event: None })
            }
            Shape::Object(names) => {
                match names.iter().filter(|name| !name.starts_with("deleted_")).collect::<Vec<_>>()[..] {
                    [one] => catalog::object(one).map(Self::object),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Splits a path where it enters the elements of a list or array, or a reference. Returns the path up to there and the
    /// rest.
    pub(super) fn split(&self, path: &str) -> Result<(String, Option<String>), Failure> {
        let mut shape = Shape::Nested(self.fields.clone());
        let mut left = path;
        let mut gone: Vec<&str> = Vec::new();
        loop {
            let (step, after) = shape.step(left);
            let step =
                if matches!(shape, Shape::Map(_)) { step } else { step.split('[').next().unwrap_or(step) };
            gone.push(step);
            shape = self.find(&gone.join("."))?.shape;
            let Some(mut after) = after else { return Ok((gone.join("."), None)) };
            if matches!(shape, Shape::Nested(_) | Shape::Object(_) | Shape::Map(_)) {
                left = after;
                continue;
            }
            // `data`, `data[]`, `[]` and numbers only enter an element.
            loop {
                let step = after.split('.').next().unwrap_or(after);
                let name = step.split('[').next().unwrap_or(step);
                let is_element = matches!(shape, Shape::List(_)) && name == "data"
                    || !matches!(shape, Shape::Expandable(_))
                        && (name.is_empty() || name.parse::<usize>().is_ok());
                match (is_element, after.split_once('.')) {
                    (true, Some((_, rest))) => after = rest,
                    (true, None) => return Ok((gone.join("."), None)),
                    (false, _) => return Ok((gone.join("."), Some(after.to_owned()))),
                }
            }
        }
    }

    /// Finds what is at a path.
    ///
    /// # Errors
    ///
    /// Fails if there is no such field, and suggests another or says where it went.
    pub(super) fn find(&self, path: &str) -> Result<Found, Failure> {
        let mut found = Found { shape: Shape::Nested(self.fields.clone()), may_be_missing: false };
        let mut rest = Some(path);
        while let Some(left) = rest {
            let (step, after) = found.shape.step(left);
            rest = after;
            let fields = match &found.shape {
                Shape::Nested(fields) => fields.clone(),
                Shape::Object(names) => {
                    catalog::object(names[0]).map_or_else(Vec::new, |object| object.fields.clone())
                }
                Shape::Map(inner) => {
                    found = Found { shape: (**inner).clone(), may_be_missing: true };
                    continue;
                }
                _ => Vec::new(),
            };
            let field = fields
                .iter()
                .find(|field| field.name == step)
                .ok_or_else(|| self.no_field(path, step, &fields))?;
            found.may_be_missing |= field.optional || field.nullable;
            found.shape = field.shape.clone();
        }
        Ok(found)
    }

    /// Says that a step of a path does not exist here.
    fn no_field(&self, path: &str, step: &str, fields: &[Field]) -> Failure {
        let whole = if self.at.is_empty() { path.to_owned() } else { format!("{}.{path}", self.at) };
        let near = catalog::nearest(step, fields.iter().map(|field| field.name));
        let hint = near.first().map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
        let lacking = self.event.filter(|event| event.lacks().any(|field| field == step));
        Failure::Failed(match (lacking, catalog::moved_at(self.object, &whole)) {
            (Some(event), _) => format!("`{}` carries `{}` without `{step}`", event.name, self.object),
            (None, Some(moved)) => moved.to_string(),
            (None, None) => format!("`{}` has no field `{step}`{hint}", self.object),
        })
    }

    /// The most useful plain fields: the id, then fields that are always present, then others.
    pub(super) fn some_fields(&self) -> Vec<String> {
        let is_plain = |field: &&Field| {
            !matches!(field.name, "object" | "livemode")
                && !matches!(
                    field.shape,
                    Shape::Any
                        | Shape::Array(_)
                        | Shape::List(_)
                        | Shape::Map(_)
                        | Shape::Nested(_)
                        | Shape::Object(_)
                )
        };
        let mut plain: Vec<_> = self.fields.iter().filter(is_plain).collect();
        let is_wanted = |name| FIELDS_MOST_WANTED.contains(&name);
        plain.sort_by_key(|field| {
            (field.name != "id", !is_wanted(field.name), field.optional, field.nullable)
        });
        let mut names: Vec<_> =
            plain.iter().take(FIELDS_OF_A_VIEW).map(|field| field.name.to_owned()).collect();
        if names.is_empty() {
            names.extend(self.fields.first().map(|field| field.name.to_owned()));
        }
        names
    }

    /// Returns the name of a view of this place.
    pub(super) fn view_name(&self) -> String {
        match self.at.rsplit('.').next() {
            Some(last) if !last.is_empty() => pascal_case(&format!("{}.{last}", self.object)),
            _ => pascal_case(self.object),
        }
    }
}

/// `checkout.session` is `CheckoutSession`.
pub(super) fn pascal_case(name: &str) -> String {
    name.split(['.', '_'])
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}
