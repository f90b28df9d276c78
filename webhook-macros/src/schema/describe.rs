//! Descriptions of values, for messages.

use webhook_catalog::Shape;

use super::{Found, SchemaPath, element};

/// What a value is, to follow "is".
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

/// What is sent only in part, to follow "is", and how to read it. `None` if it is sent whole.
pub(crate) fn part_in_words(found: &Found) -> Option<String> {
    let changed = "of which the previous attributes contain only the keys that changed";
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
                "{list}, of which the previous attributes contain only the array, if it changed: use `Option<Vec<…>>`"
            )
        }
        _ => return None,
    };
    Some(words)
}

/// The type that reads what is at a path, for a note.
pub(crate) fn readers_of(found: &Found) -> String {
    match &found.shape {
        Shape::Map(inner) if found.partial => format!("HashMap<String, Option<{}>>", readers(inner)),
        Shape::Expandable(_) if found.partial => "Expandable<View>".to_owned(),
        other => readers(other),
    }
}

/// The type that reads a shape, for a note.
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

/// What to know about the type besides its name, for a note.
pub(crate) fn remark(place: &SchemaPath, path: &str, found: &Found) -> String {
    let shape = &found.shape;
    let previous = if found.partial && !matches!(shape, Shape::Array(_)) { ", previous" } else { "" };
    let is_reference = matches!(shape, Shape::Expandable(_));
    match element(shape) {
        Shape::Nested(_) => {
            let at = place.whole(path);
            format!(
                "; `View` is your own struct with `#[derive(StripeObject)] #[stripe(object = \"{}\", at = \"{at}\"{previous})]`",
                place.object
            )
        }
        Shape::Object(names) if found.partial || !is_reference => {
            let or = match shape {
                Shape::List(_) => "; its `has_more` tells whether there are more",
                _ if is_reference => "; or as `String`, which reads the id",
                _ => "",
            };
            format!(
                "{or}; `View` is your own struct with `#[derive(StripeObject)] #[stripe(object = \"{}\"{previous})]`",
                names[0]
            )
        }
        Shape::Object(_) => "; or as `String`, which reads the id".to_owned(),
        Shape::Enum(_) => "; or as your own enum that derives `StripeEnum`".to_owned(),
        _ => String::new(),
    }
}
