//! `objects!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;
use crate::no_version::is_nothing_enabled;

/// Parses, checks and expands.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let module =
        if is_nothing_enabled(&mut diagnostics) { None } else { parse::module(input, &mut diagnostics) };
    let expansion = module.and_then(|module| {
        let names = check::objects(&module, &mut diagnostics);
        diagnostics.is_empty().then(|| expand::module(&module, &names, root))
    });
    expansion.unwrap_or_else(|| diagnostics.into_compile_errors())
}
