//! What the catalog says about a value, as types and constants of an expansion.

use proc_macro2::TokenStream;
use quote::quote;
use webhook_catalog::Shape;

use super::{Found, SchemaPath, element};

/// The shape of what is at a path, as a type.
pub(crate) fn marker_of(found: &Found) -> TokenStream {
    if found.partial { partial_marker(&found.shape) } else { marker(&found.shape) }
}

/// The shape as a type, in previous attributes, where values with keys are sent only in part.
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
        // Stripe may add other values at any time.
        Shape::Enum(_) | Shape::Literal(_) => quote!(__private::shape::Enum),
        Shape::Nested(_) | Shape::Object(_) => quote!(__private::shape::Object),
        Shape::String => quote!(__private::shape::Text),
        Shape::Timestamp => quote!(__private::shape::Timestamp),
        _ => quote!(__private::shape::Any),
    }
}

/// Digests a shape, so that the same thing in several places has the same digest (FNV-1a over its text form).
pub(crate) fn digest(shape: &Shape) -> u64 {
    let text = match shape {
        Shape::Literal(value) => format!("{:?}", Shape::Enum(vec![value.trim_matches('"')])),
        other => format!("{other:?}"),
    };
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The places for which a value's view may be made, as tokens. Empty if there is nothing to check.
pub(crate) fn places(place: &SchemaPath, path: &str, shape: &Shape) -> Vec<TokenStream> {
    let inner = element(shape);
    match inner {
        Shape::Object(names) => names
            .iter()
            .map(|name| quote!(__private::SchemaPath { object: #name, at: "", digest: 0 }))
            .collect(),
        Shape::Nested(_) | Shape::Enum(_) | Shape::Literal(_) => {
            let (object, digest) = (place.object, digest(inner));
            let at = place.whole(path);
            vec![quote!(__private::SchemaPath { object: #object, at: #at, digest: #digest })]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use webhook_catalog::Field;

    use super::*;

    /// Visits the fields at every depth, except inside arrays, with the type that reads each in a view of previous
    /// attributes.
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
                // Among the values of a map, only an array is sent whole.
                let is_partial = is_partial || marker.starts_with("PartialMap<Array<");
                assert!(is_partial, "{}: {} is read as {marker}", object.name, field.name);
            });
        }
        assert!(seen.iter().all(|seen| *seen > 10), "{seen:?}");
    }
}
