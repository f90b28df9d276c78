//! `fixture!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::mistakes::Mistakes;

/// Parse, check, expand.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let expansion = parse::fixture(input, &mut mistakes).and_then(|fixture| {
        let fields = check::fields(&fixture, &mut mistakes);
        mistakes.is_empty().then(|| expand::sample(&fixture, &fields, root))
    });
    expansion.unwrap_or_else(|| mistakes.into_compile_errors())
}
