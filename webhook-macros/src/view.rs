//! `#[derive(StripeObject)]`.

pub(crate) mod check;
mod expand;
pub(crate) mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;
use crate::no_version::is_nothing_enabled;

const KEYS: [&str; 5] = ["object", "at", "previous", "transparent", "crate"];

/// Parses, checks and expands. After an error, the expansion has stand-ins for the implementations, so that uses of the
/// type elsewhere cause no further errors.
pub(crate) fn derive(root: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let Some(item) = parse::item(item, &KEYS, &mut diagnostics) else {
        return diagnostics.into_compile_errors();
    };
    let checked =
        if is_nothing_enabled(&mut diagnostics) { None } else { check::item(&item, &mut diagnostics) };
    match checked {
        Some(kind) if diagnostics.is_empty() => expand::implementation(&item, &kind, root),
        _ => {
            let stand_in = expand::stand_in(&item, root);
            let errors = diagnostics.into_compile_errors();
            quote::quote!(#errors #stand_in)
        }
    }
}
