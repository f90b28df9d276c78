//! What an editor shows when the pointer is over an event's name in the attribute: the documentation of a constant whose
//! name has the literal's span.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;
use webhook_catalog::{EventType, Field, Kind};

/// The maximum length of a field's line, in characters; sets of texts can be long.
const MOST_OF_A_LINE: usize = 100;

/// The maximum number of a pattern's event types that are listed.
const MOST_TYPES: usize = 40;

/// A documented constant for each name. It is unused, so the compiled program does not contain it.
pub(super) fn constants(names: &[LitStr]) -> TokenStream {
    names.iter().map(constant).collect()
}

fn constant(name: &LitStr) -> TokenStream {
    let written = name.value();
    let doc = match webhook_catalog::expand(&written).as_deref() {
        Ok([known]) if known.name == written => of_type(known),
        Ok(types) => of_pattern(&written, types),
        Err(_) => return TokenStream::new(),
    };
    let letters = written.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_").to_uppercase();
    // The underscore marks it as unused.
    let ident = Ident::new(&format!("_{letters}"), name.span());
    let constant = quote_spanned!(name.span()=> const #ident: &::core::primitive::str = #written;);
    quote! {
        const _: () = {
            #[doc = #doc]
            #constant
        };
    }
}

fn of_type(known: &'static EventType) -> String {
    let mut text = format!("`{}` {}.\n", known.name, carries(known));
    for name in &known.objects {
        let Some(object) = known.object(name) else { continue };
        text.push_str(&format!("\n```text\n{name} {{\n"));
        for field in &object.fields {
            text.push_str(&format!("  {}\n", line(field)));
        }
        text.push_str("}\n```\n");
    }
    for lacking in known.lacks() {
        text.push_str(&format!("\nThis event has no `{lacking}`, which the object has elsewhere.\n"));
    }
    text
}

/// What an event has of its object.
fn carries(known: &EventType) -> String {
    let objects = known.objects.join("` or `");
    match known.kind {
        Kind::Thin if known.objects.is_empty() => "is a thin event without a related object".to_owned(),
        Kind::Thin => format!("is a thin event about `{objects}`, which `Fresh` reads"),
        _ => format!("carries `{objects}`"),
    }
}

fn of_pattern(pattern: &str, types: &[&EventType]) -> String {
    let mut text = format!("`{pattern}` names {} event types:\n\n", types.len());
    for known in types.iter().take(MOST_TYPES) {
        text.push_str(&format!("- `{}` {}\n", known.name, carries(known)));
    }
    if types.len() > MOST_TYPES {
        text.push_str("- …\n");
    }
    text
}

fn line(field: &Field) -> String {
    let absent = if field.optional { "?" } else { "" };
    let null = if field.nullable { " | null" } else { "" };
    let shape = field.shape.to_string();
    let shown: String = shape.chars().take(MOST_OF_A_LINE).collect();
    let more = if shown.len() < shape.len() { "…" } else { "" };
    format!("{}{absent}: {shown}{more}{null}", field.name)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn an_event_name_shows_its_object_and_a_pattern_its_types() {
        for (name, shown) in [
            ("payment_intent.succeeded", &["_PAYMENT_INTENT_SUCCEEDED", "amount: integer", "customer: "][..]),
            ("invoice.upcoming", &["_INVOICE_UPCOMING", "has no `id`"]),
            (
                "charge.dispute.*",
                &["_CHARGE_DISPUTE__", "names 5 event types", "`charge.dispute.closed` carries `dispute`"],
            ),
            (
                "v1.payment_intent.succeeded",
                &["_V1_PAYMENT_INTENT_SUCCEEDED", "a thin event about `payment_intent`", "amount: integer"],
            ),
        ] {
            let constant = constants(&[LitStr::new(name, Span::call_site())]).to_string();
            for part in shown {
                assert!(constant.contains(part), "{part} is not in {constant}");
            }
        }
        assert!(constants(&[LitStr::new("nothing.*", Span::call_site())]).is_empty());
    }
}
