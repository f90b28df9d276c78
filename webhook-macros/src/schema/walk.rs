//! Following a path: what is at its end, or why there is nothing.

use webhook_catalog::{Field, Shape};

use super::versions::lacking_in_words;
use super::{Found, SchemaPath, element, in_words};

/// Why there is nothing at a path.
pub(super) enum Astray {
    /// There is no such field among these.
    NoField { step: String, fields: Vec<Field> },
    /// What is on the way to it has no fields.
    Blocked(String),
}

impl Astray {
    pub(super) fn into_message(self, place: &SchemaPath, path: &str) -> String {
        match self {
            Self::NoField { step, fields } => place.no_field(&fields, &step, path),
            Self::Blocked(message) => message,
        }
    }
}

impl SchemaPath {
    /// Finds a place inside this one. Arrays and lists on the way stand for their elements.
    pub(crate) fn inner(&self, path: &str) -> Result<Self, String> {
        self.inner_here(path).or_else(|astray| self.in_others(path, astray, Self::inner_here))
    }

    pub(super) fn inner_here(&self, path: &str) -> Result<Self, Astray> {
        let mut shape = self.shape.clone();
        for step in path.split('.') {
            let field = self.field(&element(&shape).clone(), step)?;
            shape = element(&field.shape).clone();
        }
        Ok(Self { at: path.to_owned(), shape, ..*self })
    }

    /// Finds what is at a path.
    pub(crate) fn find(&self, path: &str) -> Result<Found, String> {
        self.find_here(path).or_else(|astray| self.in_others(path, astray, Self::find_here))
    }

    pub(super) fn find_here(&self, path: &str) -> Result<Found, Astray> {
        self.walk(path, |at, shape| self.no_way_through(at.rsplit('.').next().unwrap_or(at), shape))
    }

    /// Checks that an ordering key is at the path: a text, or something that has an id. It must be there in every enabled
    /// version: events of a version that lacks it would not be ordered.
    pub(crate) fn check_lane(&self, path: &str) -> Result<(), String> {
        let what = |at: &str, shape: &Shape| format!("`{at}` of `{}` is {}", self.name(), in_words(shape));
        let blocked = |at: &str, shape: &Shape| {
            let what = what(at, shape);
            match shape {
                Shape::Expandable(_) => {
                    format!("{what}; an event contains the id, so write `per = \"{at}\"`")
                }
                _ => format!("{what}: it contains nothing to order by"),
            }
        };
        let walk = |place: &Self, path: &str| place.walk(path, blocked);
        let found = walk(self, path).or_else(|astray| self.in_others(path, astray, walk))?;
        if let Some(lacking) = lacking_in_words(self, path, &found) {
            return Err(format!(
                "`{path}` of `{}` {lacking}: an ordering key is a field that every enabled version has",
                self.name()
            ));
        }
        let has_id =
            |whole| self.fields(whole).iter().any(|field| field.name == "id" && is_plain_text(&field.shape));
        let what = || what(path, &found.shape);
        match &found.shape {
            Shape::Expandable(_) => Ok(()),
            whole @ (Shape::Nested(_) | Shape::Object(_)) if has_id(whole) => Ok(()),
            Shape::Nested(_) | Shape::Object(_) => {
                Err(format!("{} without an id: name a text inside it, such as `{path}.…`", what()))
            }
            other if is_plain_text(other) => Ok(()),
            _ => Err(format!("{}: an ordering key is a text or an id", what())),
        }
    }

    /// Follows a path. `blocked` makes the error for something without fields, from its path and shape.
    fn walk(&self, path: &str, blocked: impl Fn(&str, &Shape) -> String) -> Result<Found, Astray> {
        let mut found = Found::begin(&self.shape);
        let mut behind = 0;
        let mut rest = Some(path);
        while let Some(path_left) = rest {
            let (step, after) = found.shape.step(path_left);
            rest = after;
            match &found.shape {
                Shape::Map(inner) => {
                    // Any key may be present, and none is required.
                    found.optional = true;
                    found.shape = (**inner).clone();
                }
                Shape::Nested(_) | Shape::Object(_) => {
                    let field = self.field(&found.shape, step)?;
                    found.nullable |= field.nullable;
                    found.optional |= field.optional;
                    found.shape = field.shape;
                }
                other => {
                    return Err(Astray::Blocked(blocked(
                        if behind == 0 { step } else { &path[..behind] },
                        other,
                    )));
                }
            }
            check_key(found.steps.last(), step).map_err(Astray::Blocked)?;
            found.steps.push(step.to_owned());
            behind += step.len() + usize::from(behind > 0);
        }
        Ok(found)
    }

    /// Finds what is at a path in a sample, where lists have elements and references can be whole objects.
    pub(crate) fn find_in_sample(&self, path: &str) -> Result<Found, String> {
        let mut found = Found::begin(&self.shape);
        let mut rest = Some(path);
        while let Some(path_left) = rest {
            let (step, after) = found.shape.step(path_left);
            rest = after;
            check_key(found.steps.last(), step)?;
            found.steps.push(step.to_owned());
            let inner = match &found.shape {
                Shape::List(inner) if step == "data" => Shape::Array(inner.clone()),
                Shape::Array(inner) if step.parse::<usize>().is_ok() => (**inner).clone(),
                Shape::Array(_) => {
                    return Err(format!(
                        "`{step}` in `{path}` is not a position in an array: write a number"
                    ));
                }
                Shape::Map(inner) => (**inner).clone(),
                Shape::Any => Shape::Any,
                Shape::Nested(_) | Shape::Object(_) | Shape::Expandable(_) => {
                    let field = self.field(element(&found.shape), step).map_err(|astray| {
                        // A sample's elements have numbers.
                        let moved = self.moved(path).map(|found| found.to_string().replace("[]", ".0"));
                        moved
                            .or_else(|| self.only_elsewhere(path))
                            .unwrap_or_else(|| astray.into_message(self, path))
                    })?;
                    found.nullable = field.nullable;
                    found.shape = field.shape;
                    continue;
                }
                Shape::List(_) => {
                    return Err(format!("the list in `{path}` has its values in `data`"));
                }
                other => return Err(self.no_way_through(step, other)),
            };
            found.nullable = false;
            found.shape = inner;
        }
        Ok(found)
    }

    /// Finds the field for a step of a path.
    fn field(&self, shape: &Shape, step: &str) -> Result<Field, Astray> {
        let fields = self.fields(shape);
        let found = fields.iter().find(|field| field.name == step);
        found.cloned().ok_or_else(|| Astray::NoField { step: step.to_owned(), fields: fields.to_vec() })
    }

    /// The fields of an object. If it can be one of several, these are the fields of the first; a view says which it reads.
    fn fields<'s>(&self, shape: &'s Shape) -> &'s [Field] {
        match shape {
            Shape::Nested(fields) => fields,
            Shape::Object(names) => self.catalog.object(names[0]).map_or(&[], |object| &object.fields),
            _ => &[],
        }
    }

    fn no_way_through(&self, step: &str, shape: &Shape) -> String {
        let what = format!("`{step}` of `{}` is {}", self.name(), in_words(shape));
        match shape {
            Shape::Expandable(_) => {
                format!(
                    "{what}; an event contains the id, so read `{step}` itself, as `String` or `Expandable<…>`"
                )
            }
            Shape::Array(_) => format!("{what}: read `{step}` itself, as `Vec<…>` of a view"),
            Shape::List(_) => format!(
                "{what}: read `{step}` itself, as `List<…>` of a view, whose `has_more` tells whether there are more"
            ),
            _ => format!("{what}: it contains no fields"),
        }
    }
}

/// Checks a key of metadata, if `owner` is a field of that name.
fn check_key(owner: Option<&String>, key: &str) -> Result<(), String> {
    if owner.is_some_and(|owner| owner == "metadata") && !webhook_catalog::is_metadata_key(key) {
        return Err(format!(
            "`{key}` cannot be a key of `metadata`: a key has 1 to 40 characters and contains neither `[` nor `]`"
        ));
    }
    Ok(())
}

/// Tells whether a value is a text that is not a number or a time.
fn is_plain_text(shape: &Shape) -> bool {
    match shape {
        Shape::Enum(_) | Shape::String => true,
        Shape::Literal(value) => value.starts_with('"'),
        _ => false,
    }
}
