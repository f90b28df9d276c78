//! The attributes of `webhook-core` and `webhook-server`; an implementation detail of those crates.
//! They are documented and tested there.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;

use crate::parse::{Attribute, Kind};

#[expect(missing_docs, reason = "documented where it is re-exported")]
#[proc_macro_attribute]
pub fn on_event(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    handler(Kind::OnEvent, quote!(::webhook_core), arguments.into(), item.into()).into()
}

#[expect(missing_docs, reason = "documented where it is re-exported")]
#[proc_macro_attribute]
pub fn on_unhandled(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    handler(Kind::OnUnhandled, quote!(::webhook_core), arguments.into(), item.into()).into()
}

/// `on_event` for crates that depend on `webhook-server` only, which re-exports it under that name.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn on_event_of_server(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    handler(Kind::OnEvent, quote!(::webhook_server), arguments.into(), item.into()).into()
}

/// `on_unhandled` for crates that depend on `webhook-server` only, which re-exports it under that name.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn on_unhandled_of_server(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    handler(Kind::OnUnhandled, quote!(::webhook_server), arguments.into(), item.into()).into()
}

/// Parse, check, expand. Whatever is wrong, the function itself is emitted, so that its uses elsewhere stay good.
fn handler(kind: Kind, root: TokenStream, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = parse::Mistakes::default();
    let attribute = Attribute::parse(kind, arguments, &mut mistakes);
    let function = parse::function(kind, item.clone(), &mut mistakes);
    let expansion = function.and_then(|function| {
        let checked = check::handler(attribute, &function, &mut mistakes)?;
        mistakes.is_empty().then(|| expand::registration(&checked, &function, root))
    });
    let beside = expansion.unwrap_or_else(|| mistakes.into_compile_errors());
    quote!(#item #beside)
}
