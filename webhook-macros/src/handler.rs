//! `#[on_event]` and `#[on_unhandled]`.

mod check;
mod expand;
mod hover;
mod parse;
mod policy;
mod signature;
mod unlisted;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::Diagnostics;
use crate::no_version::is_nothing_enabled;
pub(crate) use check::unknown_type;
pub(crate) use parse::Kind;

/// Parses, checks and expands. The function itself is always emitted, so that uses of it elsewhere cause no further errors.
pub(crate) fn attribute(
    kind: Kind,
    root: TokenStream,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let attribute = parse::Attribute::parse(kind, arguments, &mut diagnostics);
    let function = parse::function(kind, item.clone(), &mut diagnostics);
    let function = function.filter(|_| !is_nothing_enabled(&mut diagnostics));
    let expansion = function.and_then(|function| {
        let checked = check::handler(attribute, &function, &mut diagnostics)?;
        diagnostics.is_empty().then(|| expand::registration(&checked, &function, root))
    });
    let beside = expansion.unwrap_or_else(|| diagnostics.into_compile_errors());
    quote!(#item #beside)
}
