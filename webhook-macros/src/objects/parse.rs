//! Parsing: `pub mod stripe { payment_intent, checkout.session }`.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Token, Visibility, braced};

use crate::diagnostics::Diagnostics;

/// The module, as it was written.
pub(super) struct Module {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) objects: Punctuated<ObjectName, Token![,]>,
}

/// An object's name: words separated by dots.
pub(super) struct ObjectName(pub(crate) Punctuated<Ident, Token![.]>);

impl Parse for Module {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        input.parse::<Token![mod]>()?;
        let name = input.parse()?;
        let content;
        braced!(content in input);
        Ok(Self { attributes, visibility, name, objects: Punctuated::parse_terminated(&content)? })
    }
}

impl Parse for ObjectName {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Punctuated::parse_separated_nonempty(input).map(Self)
    }
}

pub(super) fn module(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Option<Module> {
    match syn::parse2(tokens) {
        Ok(module) => Some(module),
        Err(mistake) => {
            let message = "expected a module with the names of objects: \
                           `pub mod stripe { payment_intent, checkout.session }`";
            diagnostics.add(mistake.span(), message);
            None
        }
    }
}
