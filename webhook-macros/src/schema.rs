//! Looking things up in the catalog: what stands at a path, in tokens and in words.

use proc_macro2::TokenStream;
use quote::quote;
use webhook_catalog::{EventType, Field, Shape, nearest};

use crate::mistakes::did_you_mean;

mod lacking;
mod missing;

pub(crate) use lacking::{is_lacking, requirements, requirements_of};

/// Where a view or an enum belongs: an object, or a place inside one.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) object: &'static str,
    /// Empty for the object itself.
    pub(crate) at: String,
    pub(crate) shape: Shape,
    /// The event that carries the object, where it is a certain one.
    pub(crate) event: Option<&'static EventType>,
}

/// What stands at a path.
pub(crate) struct Found {
    /// The keys on the way to it; the last is its own.
    pub(crate) steps: Vec<String>,
    pub(crate) shape: Shape,
    /// Whether it, or a step on the way to it, may be null.
    pub(crate) nullable: bool,
    /// Whether it, or a step on the way to it, may be absent.
    pub(crate) optional: bool,
    /// Whether it is sent in part: of the previous attributes, only what changed is.
    pub(crate) partial: bool,
}

impl Found {
    fn begin(shape: &Shape) -> Self {
        Self { steps: Vec::new(), shape: shape.clone(), nullable: false, optional: false, partial: false }
    }

    /// The same among the previous attributes: any may be absent, and null where it was not set. Of an object only the
    /// keys that changed are sent, and so of a list, which is an object; an array is sent whole.
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
pub(crate) fn object(name: &str) -> Result<Place, String> {
    match webhook_catalog::object(name) {
        Some(object) => {
            let shape = Shape::Nested(object.fields.clone());
            Ok(Place { object: object.name, at: String::new(), shape, event: None })
        }
        None => {
            let near = nearest(name, webhook_catalog::objects());
            let events = webhook_catalog::find(name).filter(|known| !known.objects.is_empty());
            Err(match events {
                Some(event) => {
                    format!(
                        "`{name}` is an event type: the object that it carries is `{}`",
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
pub(crate) fn object_of(event: &'static EventType, name: &str) -> Result<Place, String> {
    let mut place = object(name)?;
    if let Some(object) = event.object(name) {
        place.shape = Shape::Nested(object.fields.clone());
    }
    Ok(Place { event: Some(event), ..place })
}

impl Place {
    /// Finds a place inside this one; arrays and lists on the way stand for their elements.
    pub(crate) fn inner(&self, path: &str) -> Result<Self, String> {
        let mut shape = self.shape.clone();
        for step in path.split('.') {
            let field = self.field(&element(&shape).clone(), step, path)?;
            shape = element(&field.shape).clone();
        }
        Ok(Self { at: path.to_owned(), shape, ..*self })
    }

    /// Finds what stands at a path.
    pub(crate) fn find(&self, path: &str) -> Result<Found, String> {
        self.walk(path, |at, shape| self.no_way_through(at.rsplit('.').next().unwrap_or(at), shape))
    }

    /// Checks that lanes can be made by what stands at a path: a text, or something that has an id.
    pub(crate) fn check_lane(&self, path: &str) -> Result<(), String> {
        let what = |at: &str, shape: &Shape| format!("`{at}` of `{}` is {}", self.name(), in_words(shape));
        let found = self.walk(path, |at, shape| {
            let what = what(at, shape);
            match shape {
                Shape::Expandable(_) => format!("{what}; an event has the id, so order by `{at}` itself"),
                _ => format!("{what}: there is nothing inside it to order by"),
            }
        })?;
        let has_id =
            |whole| fields(whole).iter().any(|field| field.name == "id" && is_plain_text(&field.shape));
        let what = || what(path, &found.shape);
        match &found.shape {
            Shape::Expandable(_) => Ok(()),
            whole @ (Shape::Nested(_) | Shape::Object(_)) if has_id(whole) => Ok(()),
            Shape::Nested(_) | Shape::Object(_) => {
                Err(format!("{} without an id: order by a text inside it, such as `{path}.…`", what()))
            }
            other if is_plain_text(other) => Ok(()),
            _ => Err(format!("{}: lanes are made by a text or an id", what())),
        }
    }

    /// Goes along a path; `blocked` has the words for what holds no fields, and the path on which it stands.
    fn walk(&self, path: &str, blocked: impl Fn(&str, &Shape) -> String) -> Result<Found, String> {
        let mut found = Found::begin(&self.shape);
        let mut behind = 0;
        let mut rest = Some(path);
        while let Some(path_left) = rest {
            let (step, after) = found.shape.step(path_left);
            rest = after;
            match &found.shape {
                Shape::Map(inner) => {
                    // Any key may be there, and none must.
                    found.optional = true;
                    found.shape = (**inner).clone();
                }
                Shape::Nested(_) | Shape::Object(_) => {
                    let field = self.field(&found.shape, step, path)?;
                    found.nullable |= field.nullable;
                    found.optional |= field.optional;
                    found.shape = field.shape;
                }
                other => return Err(blocked(if behind == 0 { step } else { &path[..behind] }, other)),
            }
            check_key(found.steps.last(), step)?;
            found.steps.push(step.to_owned());
            behind += step.len() + usize::from(behind > 0);
        }
        Ok(found)
    }

    /// Finds what stands at a path in a sample, where lists are filled and references can be sent whole.
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
                    return Err(format!("`{step}` in `{path}` is no place in an array: write a number"));
                }
                Shape::Map(inner) => (**inner).clone(),
                Shape::Any => Shape::Any,
                Shape::Nested(_) | Shape::Object(_) | Shape::Expandable(_) => {
                    let field = self.field(element(&found.shape), step, path)?;
                    found.nullable = field.nullable;
                    found.shape = field.shape;
                    continue;
                }
                Shape::List(_) => {
                    return Err(format!("the values of the list in `{path}` are in its `data`"));
                }
                other => return Err(self.no_way_through(step, other)),
            };
            found.nullable = false;
            found.shape = inner;
        }
        Ok(found)
    }

    /// The name of the place for messages: `payment_intent`, `payment_intent.amount_details`.
    pub(crate) fn name(&self) -> String {
        if self.at.is_empty() { self.object.to_owned() } else { format!("{}.{}", self.object, self.at) }
    }

    /// Finds the field for a step of a path.
    fn field(&self, shape: &Shape, step: &str, path: &str) -> Result<Field, String> {
        let fields = fields(shape);
        let found = fields.iter().find(|field| field.name == step);
        found.cloned().ok_or_else(|| self.no_field(fields, step, path))
    }

    fn no_way_through(&self, step: &str, shape: &Shape) -> String {
        let what = format!("`{step}` of `{}` is {}", self.name(), in_words(shape));
        match shape {
            Shape::Expandable(_) => {
                format!(
                    "{what}; an event has the id, so read `{step}` itself, as `String` or `Expandable<…>`"
                )
            }
            Shape::Array(_) => format!("{what}: read `{step}` itself, as `Vec<…>` of a view"),
            Shape::List(_) => format!(
                "{what}: read `{step}` itself, as `List<…>` of a view, whose `has_more` tells whether that is all"
            ),
            _ => format!("{what}: there is nothing inside it"),
        }
    }
}

/// Checks a key of metadata, which is named after the field that it stands in.
fn check_key(owner: Option<&String>, key: &str) -> Result<(), String> {
    if owner.is_some_and(|owner| owner == "metadata") && !webhook_catalog::is_metadata_key(key) {
        return Err(format!(
            "`{key}` cannot be a key of `metadata`: it has 1 to 40 characters, and neither `[` nor `]`"
        ));
    }
    Ok(())
}

/// The fields of an object. One of several objects has the fields of the first; its view names which it is.
fn fields(shape: &Shape) -> &[Field] {
    match shape {
        Shape::Nested(fields) => fields,
        Shape::Object(names) => webhook_catalog::object(names[0]).map_or(&[], |object| &object.fields),
        _ => &[],
    }
}

/// Whether a value is text that stands for something, unlike a number or a time that is written as text.
fn is_plain_text(shape: &Shape) -> bool {
    match shape {
        Shape::Enum(_) | Shape::String => true,
        Shape::Literal(value) => value.starts_with('"'),
        _ => false,
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

/// The shape of what stands at a path, as a type.
pub(crate) fn marker_of(found: &Found) -> TokenStream {
    if found.partial { partial_marker(&found.shape) } else { marker(&found.shape) }
}

/// The shape as a type, where only a part is sent of what has keys.
fn partial_marker(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Map(inner) => {
            let inner = partial_marker(inner);
            quote!(__private::shape::PartialMap<#inner>)
        }
        Shape::Expandable(_) => quote!(__private::shape::PartialExpandable),
        Shape::Nested(_) | Shape::Object(_) => quote!(__private::shape::PartialObject),
        // An array is sent whole.
        whole => marker(whole),
    }
}

/// The shape as a type.
pub(crate) fn marker(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Array(inner) => {
            let inner = marker(inner);
            quote!(__private::shape::Array<#inner>)
        }
        Shape::List(inner) => {
            let inner = marker(inner);
            quote!(__private::shape::List<#inner>)
        }
        Shape::Map(inner) => {
            let inner = marker(inner);
            quote!(__private::shape::Map<#inner>)
        }
        Shape::Boolean => quote!(__private::shape::Boolean),
        Shape::DateTime => quote!(__private::shape::DateTime),
        Shape::Decimal => quote!(__private::shape::Decimal),
        Shape::Expandable(_) => quote!(__private::shape::Expandable),
        Shape::Float => quote!(__private::shape::Float),
        Shape::Integer => quote!(__private::shape::Integer),
        Shape::IntegerText => quote!(__private::shape::IntegerText),
        Shape::Literal("true" | "false") => quote!(__private::shape::Boolean),
        // Stripe may add a second value at any time.
        Shape::Enum(_) | Shape::Literal(_) => quote!(__private::shape::Enum),
        Shape::Nested(_) | Shape::Object(_) => quote!(__private::shape::Object),
        Shape::String => quote!(__private::shape::Text),
        Shape::Timestamp => quote!(__private::shape::Timestamp),
        _ => quote!(__private::shape::Any),
    }
}

/// What a value is, as it stands after "is".
pub(crate) fn in_words(shape: &Shape) -> String {
    match shape {
        Shape::Any => "any value".to_owned(),
        Shape::Boolean => "a boolean".to_owned(),
        Shape::Enum(_) | Shape::Literal(_) => shape.to_string(),
        Shape::Expandable(inner) => {
            let inner = inner.to_string();
            let article = if inner.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("the id of {article} {inner}, or the object")
        }
        Shape::Array(_) | Shape::Integer | Shape::IntegerText | Shape::Nested(_) => format!("an {shape}"),
        Shape::Object(_) => format!("a whole {shape}"),
        _ => format!("a {shape}"),
    }
}

/// What is sent in part, as it stands after "is", and what reads it. `None` if it is sent whole.
pub(crate) fn part_in_words(found: &Found) -> Option<String> {
    let changed = "of which the previous attributes have only the keys that changed";
    let words = match &found.shape {
        _ if !found.partial => return None,
        shape @ (Shape::Expandable(_) | Shape::Nested(_) | Shape::Object(_)) => {
            format!("{}, {changed}: use an `Option` of a view that is `previous` as well", in_words(shape))
        }
        shape @ Shape::Map(_) => format!(
            "{}, {changed}, and null for those that were not set: use `Option<{}>`",
            in_words(shape),
            readers_of(found)
        ),
        Shape::Array(inner)
            if found.steps.len() > 1 && found.steps.last().is_some_and(|step| step == "data") =>
        {
            let list = in_words(&Shape::List(inner.clone()));
            format!(
                "{list}, of which the previous attributes have the array alone, if it changed: use `Option<Vec<…>>`"
            )
        }
        _ => return None,
    };
    Some(words)
}

/// Which type reads what stands at a path, as it stands in a note.
pub(crate) fn readers_of(found: &Found) -> String {
    match &found.shape {
        Shape::Map(inner) if found.partial => format!("HashMap<String, Option<{}>>", readers(inner)),
        Shape::Expandable(_) if found.partial => "Expandable<View>".to_owned(),
        other => readers(other),
    }
}

/// Which type reads it, as it stands in a note.
fn readers(shape: &Shape) -> String {
    match shape {
        Shape::Any => "serde_json::Value".to_owned(),
        Shape::Array(inner) => format!("Vec<{}>", readers(inner)),
        Shape::Boolean | Shape::Literal("true" | "false") => "bool".to_owned(),
        Shape::Enum(_) | Shape::Literal(_) => "String".to_owned(),
        Shape::Expandable(_) => "Expandable".to_owned(),
        Shape::Float => "f64".to_owned(),
        Shape::Integer | Shape::IntegerText => "i64".to_owned(),
        Shape::List(inner) => format!("List<{}>", readers(inner)),
        Shape::Map(inner) => format!("HashMap<String, {}>", readers(inner)),
        Shape::Nested(_) | Shape::Object(_) => "View".to_owned(),
        Shape::Timestamp => "Timestamp".to_owned(),
        _ => "String".to_owned(),
    }
}

/// What the type of a field means besides what it looks like.
pub(crate) fn remark(place: &Place, path: &str, found: &Found) -> String {
    let shape = &found.shape;
    let previous = if found.partial && !matches!(shape, Shape::Array(_)) { ", previous" } else { "" };
    let is_reference = matches!(shape, Shape::Expandable(_));
    match element(shape) {
        Shape::Nested(_) => {
            let at = if place.at.is_empty() { path.to_owned() } else { format!("{}.{path}", place.at) };
            format!(
                "; `View` is a struct of yours with `#[derive(StripeObject)] #[stripe(object = \"{}\", at = \"{at}\"{previous})]`",
                place.object
            )
        }
        Shape::Object(names) if found.partial || !is_reference => {
            let or = match shape {
                Shape::List(_) => "; its `has_more` tells whether Stripe sent all",
                _ if is_reference => "; or as `String`, which reads the id",
                _ => "",
            };
            format!(
                "{or}; `View` is a struct of yours with `#[derive(StripeObject)] #[stripe(object = \"{}\"{previous})]`",
                names[0]
            )
        }
        Shape::Object(_) => "; or as `String`, which reads the id".to_owned(),
        Shape::Enum(_) => "; or as an enum of yours that derives `StripeEnum`".to_owned(),
        _ => String::new(),
    }
}

/// Digests a shape: equal where Stripe sends the same thing in several places (FNV-1a over its text form).
pub(crate) fn digest(shape: &Shape) -> u64 {
    let text = match shape {
        Shape::Literal(value) => format!("{:?}", Shape::Enum(vec![value.trim_matches('"')])),
        other => format!("{other:?}"),
    };
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The places that a value of a shape may be a view of, as tokens; empty where there is nothing to agree on.
pub(crate) fn places(place: &Place, path: &str, shape: &Shape) -> Vec<TokenStream> {
    let inner = element(shape);
    match inner {
        Shape::Object(names) => {
            names.iter().map(|name| quote!(__private::Place { object: #name, at: "", digest: 0 })).collect()
        }
        Shape::Nested(_) | Shape::Enum(_) | Shape::Literal(_) => {
            let (object, digest) = (place.object, digest(inner));
            let at = if place.at.is_empty() { path.to_owned() } else { format!("{}.{path}", place.at) };
            vec![quote!(__private::Place { object: #object, at: #at, digest: #digest })]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Visits the fields at every depth, but for those of an array's elements, with the type that reads each in a view
    /// of previous attributes.
    fn each(fields: &[Field], visit: &mut impl FnMut(&Field, &str)) {
        for field in fields {
            let found = Found::begin(&field.shape).of_previous();
            visit(field, &marker_of(&found).to_string().replace(' ', "").replace("__private::shape::", ""));
            if let (Shape::Nested(inner), false) =
                (element(&field.shape), matches!(found.shape, Shape::Array(_)))
            {
                each(inner, visit);
            }
        }
    }

    #[test]
    fn whatever_has_keys_is_read_in_part_among_previous_attributes() {
        let mut seen = [0; 4];
        for object in webhook_catalog::objects().filter_map(webhook_catalog::object) {
            each(&object.fields, &mut |field, marker| {
                let (kind, is_partial) = match &field.shape {
                    Shape::Expandable(_) => (0, marker == "PartialExpandable"),
                    Shape::Map(_) => (1, marker.starts_with("PartialMap<") && !marker.contains("<Object")),
                    Shape::Nested(_) | Shape::Object(_) => (2, marker == "PartialObject"),
                    Shape::List(_) => (3, marker.starts_with("Array<")),
                    _ => return,
                };
                seen[kind] += 1;
                // Of what is in a map, only an array is sent whole.
                let is_partial = is_partial || marker.starts_with("PartialMap<Array<");
                assert!(is_partial, "{}: {} is read as {marker}", object.name, field.name);
            });
        }
        assert!(seen.iter().all(|seen| *seen > 10), "{seen:?}");
    }
}
