//! Checking: every field against the catalog. The compiler checks whether a field's type can read it.

use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, Fields, Ident, Type, Variant};

use super::parse::{Item, Settings};
use webhook_catalog::Shape;

use crate::diagnostics::Diagnostics;
use crate::schema::{self, Found, SchemaPath};

/// The kind of item, checked.
pub(crate) enum Kind {
    /// A struct of one unnamed field that reads what the field's type reads.
    Transparent { inner: Type },
    /// An enum over views of several objects.
    Union { variants: Vec<(Ident, Type)> },
    /// A struct whose fields are fields of an object.
    View { place: SchemaPath, fields: Vec<ViewField> },
}

/// A field of a view and what it reads.
pub(crate) struct ViewField {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) path: String,
    pub(crate) found: Found,
}

pub(crate) fn item(item: &Item, diagnostics: &mut Diagnostics) -> Option<Kind> {
    let Item { input, settings } = item;
    if settings.incomplete {
        return None;
    }
    if let Some(lifetime) = input.generics.lifetimes().next() {
        diagnostics.add(lifetime.span(), "a view owns what it reads: use `String` instead of a reference");
        return None;
    }
    match &input.data {
        Data::Struct(data) if settings.transparent.is_some() => {
            transparent(&data.fields, settings, diagnostics)
        }
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                let place = place(&input.ident, settings, diagnostics)?;
                if !matches!(place.shape, Shape::Nested(_)) {
                    let at = settings.at.as_ref().map_or(input.ident.span(), |at| at.span());
                    diagnostics.add(at, of_no_object(&place));
                    return None;
                }
                let fields = named
                    .named
                    .iter()
                    .filter_map(|field| self::field(field, &place, settings.previous.is_some(), diagnostics))
                    .collect();
                Some(Kind::View { place, fields })
            }
            other => {
                let message = "a view has named fields, which it reads; \
                               a struct around one value is `#[stripe(transparent)]`";
                let span = if other.is_empty() { input.ident.span() } else { other.span() };
                diagnostics.add(span, message);
                None
            }
        },
        Data::Enum(data) => {
            if settings.at.is_some() && data.variants.iter().any(|variant| variant.fields.is_empty()) {
                let message = "the variants of this enum must hold views of objects, such as `Card(CardView)`; \
                               an enum of texts derives `StripeEnum`";
                diagnostics.add(input.ident.span(), message);
                return None;
            }
            for (key, span) in settings.useless(&["object", "at", "previous", "transparent"]) {
                let message = match key {
                    "object" => "the variants' views name the objects: remove this".to_owned(),
                    "previous" => "previous attributes do not name their object, so an enum cannot \
                                   read them: remove this"
                        .to_owned(),
                    _ => format!("an enum over views does not take `{key}`: remove this"),
                };
                diagnostics.add(span, message);
            }
            if data.variants.is_empty() {
                let message = "an enum over views needs a variant for each object that the program reads";
                diagnostics.add(input.ident.span(), message);
            }
            let variants =
                data.variants.iter().filter_map(|variant| self::variant(variant, diagnostics)).collect();
            Some(Kind::Union { variants })
        }
        Data::Union(data) => {
            diagnostics.add(data.union_token.span, "a view is a struct or an enum over views");
            None
        }
    }
}

/// The error for a place that does not hold an object for a view with `at`.
fn of_no_object(place: &SchemaPath) -> String {
    let what = format!("`{}` of `{}` is {}", place.at, place.object, schema::in_words(&place.shape));
    match &place.shape {
        Shape::Object(names) => {
            format!("{what}: write `#[stripe(object = \"{}\")]` for a view of it", names[0])
        }
        _ => format!("{what}, but a view reads an object"),
    }
}

fn transparent(fields: &Fields, settings: &Settings, diagnostics: &mut Diagnostics) -> Option<Kind> {
    for (_, span) in settings.useless(&["object", "at", "previous"]) {
        diagnostics.add(span, "a transparent type reads whatever its field's type reads: remove this");
    }
    match fields {
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Some(Kind::Transparent { inner: unnamed.unnamed[0].ty.clone() })
        }
        other => {
            diagnostics
                .add(other.span(), "a transparent type has one unnamed field: `struct OrderId(String);`");
            None
        }
    }
}

/// Finds the place in the schema that the attributes name.
pub(crate) fn place(name: &Ident, settings: &Settings, diagnostics: &mut Diagnostics) -> Option<SchemaPath> {
    if settings.incomplete {
        return None;
    }
    let Some(object) = &settings.object else {
        {
            let message = "which Stripe object? write `#[stripe(object = \"payment_intent\")]`";
            diagnostics.add(name.span(), message);
        }
        return None;
    };
    let place = match schema::object(&object.value()) {
        Ok(place) => place,
        Err(message) => {
            diagnostics.add(object.span(), message);
            return None;
        }
    };
    let Some(at) = &settings.at else { return Some(place) };
    match place.inner(&at.value()) {
        Ok(inner) => Some(inner),
        Err(message) => {
            diagnostics.add(at.span(), message);
            None
        }
    }
}

fn field(
    field: &syn::Field,
    place: &SchemaPath,
    previous: bool,
    diagnostics: &mut Diagnostics,
) -> Option<ViewField> {
    let settings = Settings::parse(&field.attrs, &["path", "rename"], diagnostics);
    if settings.incomplete {
        return None;
    }
    let name = field.ident.clone()?;
    let (path, span) = match &settings.path {
        Some(path) => (path.value(), path.span()),
        None => (name.unraw().to_string(), name.span()),
    };
    match place.find(&path) {
        Ok(found) => {
            let found = if previous { found.of_previous() } else { found };
            Some(ViewField { name, ty: field.ty.clone(), path, found })
        }
        Err(message) => {
            diagnostics.add(span, message);
            None
        }
    }
}

fn variant(variant: &Variant, diagnostics: &mut Diagnostics) -> Option<(Ident, Type)> {
    Settings::parse(&variant.attrs, &[], diagnostics);
    match &variant.fields {
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Some((variant.ident.clone(), unnamed.unnamed[0].ty.clone()))
        }
        _ => {
            let message =
                format!("each variant holds a view of one object, such as `{0}({0}View)`", variant.ident);
            diagnostics.add(variant.ident.span(), message);
            None
        }
    }
}
