//! The macros of `webhook-core` and `webhook-server`, an implementation detail of those crates. They are documented and
//! tested there.

mod diagnostics;
mod fixture;
mod handler;
mod no_version;
mod objects;
mod schema;
mod text_enum;
mod view;

use handler::Kind;
use proc_macro::TokenStream;
use proc_macro2::{Ident, TokenTree};
use quote::quote;

/// Each macro is defined twice. The two differ only in the crate that their expansion names: `webhook-core` re-exports
/// one, `webhook-server` the other, so an expansion need not find out which of them a crate depends on.
macro_rules! attributes {
    ($($name:ident: $kind:expr, $root:path;)*) => {$(
        #[expect(missing_docs, reason = "documented where it is re-exported")]
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            handler::attribute($kind, quote!($root), arguments.into(), item.into()).into()
        }
    )*};
}

attributes! {
    on_event: Kind::OnEvent, ::webhook_core;
    on_event_of_server: Kind::OnEvent, ::webhook_server;
    on_unhandled: Kind::OnUnhandled, ::webhook_core;
    on_unhandled_of_server: Kind::OnUnhandled, ::webhook_server;
}

macro_rules! derives {
    ($($name:ident($derive:ident): $expand:path, $root:path;)*) => {$(
        #[expect(missing_docs, reason = "documented where it is re-exported")]
        #[proc_macro_derive($derive, attributes(stripe))]
        pub fn $name(item: TokenStream) -> TokenStream {
            $expand(quote!($root), item.into()).into()
        }
    )*};
}

derives! {
    stripe_object(StripeObject): view::derive, ::webhook_core;
    stripe_object_of_server(StripeObjectOfServer): view::derive, ::webhook_server;
    stripe_enum(StripeEnum): text_enum::derive, ::webhook_core;
    stripe_enum_of_server(StripeEnumOfServer): text_enum::derive, ::webhook_server;
}

macro_rules! functions {
    ($($name:ident: $expand:path, $root:path;)*) => {$(
        #[expect(missing_docs, reason = "documented where it is re-exported")]
        #[proc_macro]
        pub fn $name(input: TokenStream) -> TokenStream {
            $expand(quote!($root), input.into()).into()
        }
    )*};
}

functions! {
    fixture: fixture::expand, ::webhook_core;
    fixture_of_server: fixture::expand, ::webhook_server;
    objects: objects::expand, ::webhook_core;
    objects_of_server: objects::expand, ::webhook_server;
}

/// Tells whether tokens contain a word at any depth.
fn contains_word(tokens: proc_macro2::TokenStream, is_wanted: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => contains_word(group.stream(), is_wanted),
        TokenTree::Ident(word) => is_wanted(&word),
        TokenTree::Literal(_) | TokenTree::Punct(_) => false,
    })
}
