//! Checking: every variant against the values in the catalog.

use proc_macro2::Span;
use syn::{Data, Fields, Ident, Type, Variant};
use webhook_catalog::{Shape, nearest};

use crate::diagnostics::{Diagnostics, did_you_mean};
use crate::schema::{SchemaPath, only_in};
use crate::view::check::place;
use crate::view::parse::{Item, Settings};

/// An enum whose variants are Stripe's values, with one for all others.
pub(super) struct TextEnum {
    pub(super) place: SchemaPath,
    pub(super) variants: Vec<(Ident, String)>,
    pub(super) other: Ident,
}

pub(super) fn item(item: &Item, diagnostics: &mut Diagnostics) -> Option<TextEnum> {
    let name = &item.input.ident;
    let Data::Enum(data) = &item.input.data else {
        diagnostics.add(name.span(), "`StripeEnum` is for enums; `StripeObject` is for structs");
        return None;
    };
    let has_other = data.variants.iter().any(|variant| variant.ident == "Other");
    if item.settings.at.is_none() && !item.settings.incomplete {
        let message = "which field? write `#[stripe(object = \"payment_intent\", at = \"status\")]`";
        diagnostics.add(name.span(), message);
        // All that is missing is reported at once.
        if !has_other && data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
            diagnostics.add(name.span(), other_is_missing(name));
        }
        return None;
    }
    let place = place(name, &item.settings, diagnostics)?;
    let values: Vec<&str> = match &place.shape {
        Shape::Enum(values) => values.clone(),
        Shape::Literal(value) => vec![value.trim_matches('"')],
        other => {
            let is = crate::schema::in_words(other);
            let at = item.settings.at.as_ref().map_or(name.span(), |at| at.span());
            diagnostics.add(at, format!("`{}` of `{}` is {is}, not an enum", place.at, place.object));
            return None;
        }
    };
    let mut variants: Vec<(Ident, String)> = Vec::new();
    let mut other = None;
    let mut is_other_missing = !has_other;
    for variant in &data.variants {
        if variant.ident == "Other" {
            other = Some(variant.ident.clone());
            fallback(variant, &values, diagnostics);
        } else if !matches!(variant.fields, Fields::Unit) {
            let name = &variant.ident;
            let is_fallback = !has_other && !values.contains(&snake_case(&name.to_string()).as_str());
            is_other_missing &= !is_fallback;
            let message = if is_fallback {
                format!("the variant for all other values is called `Other`, not `{name}`: `Other(String)`")
            } else {
                "a variant is one of Stripe's values and has no fields; only `Other(String)` has one"
                    .to_owned()
            };
            diagnostics.add(name.span(), message);
        } else if let Some((value, span)) = value(variant, &values, &place, diagnostics) {
            match variants.iter().find(|(_, known)| *known == value) {
                Some((known, _)) => diagnostics
                    .add(span, format!("`{value}` is already read as `{known}`: remove one of the two")),
                None => variants.push((variant.ident.clone(), value)),
            }
        }
    }
    if is_other_missing {
        diagnostics.add(name.span(), other_is_missing(name));
    }
    Some(TextEnum { place, variants, other: other? })
}

fn other_is_missing(name: &Ident) -> String {
    format!(
        "Stripe adds values without notice: give `{name}` a variant `Other(String)` for the values that it does not list"
    )
}

/// Checks the variant for all other values.
fn fallback(variant: &Variant, values: &[&str], diagnostics: &mut Diagnostics) {
    Settings::parse(&variant.attrs, &[], diagnostics);
    if holds_text(variant) {
        return;
    }
    let mut message = "`Other` keeps the text that Stripe sent: `Other(String)`".to_owned();
    if values.contains(&"other") && matches!(variant.fields, Fields::Unit) {
        message +=
            "; for Stripe's own `other`, add a variant of another name with `#[stripe(rename = \"other\")]`";
    }
    diagnostics.add_on(variant, message);
}

fn holds_text(variant: &Variant) -> bool {
    let Fields::Unnamed(fields) = &variant.fields else { return false };
    let is_string = |ty: &Type| matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "String"));
    fields.unnamed.len() == 1 && is_string(&fields.unnamed[0].ty)
}

fn value(
    variant: &Variant,
    values: &[&str],
    place: &SchemaPath,
    diagnostics: &mut Diagnostics,
) -> Option<(String, Span)> {
    let settings = Settings::parse(&variant.attrs, &["rename"], diagnostics);
    if settings.incomplete {
        return None;
    }
    let (value, span) = match &settings.path {
        Some(rename) => (rename.value(), rename.span()),
        None => (snake_case(&variant.ident.to_string()), variant.ident.span()),
    };
    if values.contains(&value.as_str()) {
        return Some((value, span));
    }
    // Stripe adds values without notice, also for older versions.
    let having = place.versions_with_value(&value);
    if place.may_be_added(&having) {
        return Some((value, span));
    }
    if !having.is_empty() {
        let what = format!("the value `{value}` of `{}` of `{}`", place.at, place.object);
        diagnostics.add(span, only_in(&what, &having, place.enabled) + &place.values_instead(&having));
        return None;
    }
    let all = if values.len() <= 12 { format!("there are `{}`", values.join("`, `")) } else { String::new() };
    let all = if all.is_empty() { "`events --explain TYPE` lists some".to_owned() } else { all };
    let hint = did_you_mean(&nearest(&value, values.iter().copied()), &all);
    diagnostics.add(span, format!("`{}` of `{}` is never `{value}`{hint}", place.at, place.object));
    None
}

/// `RequiresAction` is `requires_action`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.trim_start_matches("r#").char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
