//! `objects!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// Parses, checks and expands.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expansion = parse::module(input, &mut diagnostics).and_then(|module| {
        let names = check::objects(&module, &mut diagnostics);
        diagnostics.is_empty().then(|| expand::module(&module, &names, root))
    });
    expansion.unwrap_or_else(|| diagnostics.into_compile_errors())
}
