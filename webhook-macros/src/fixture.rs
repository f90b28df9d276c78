//! `fixture!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::mistakes::Mistakes;

/// Parse, check, expand.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let fixture = parse::fixture(input, &mut mistakes);
    let fields = fixture.as_ref().map(|fixture| check::fields(fixture, &mut mistakes));
    match fixture.zip(fields) {
        Some((fixture, fields)) if mistakes.is_empty() => expand::sample(&fixture, &fields, root),
        _ => expand::stand_in(mistakes.into_compile_errors(), root),
    }
}
