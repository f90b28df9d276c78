//! `fixture!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// Parses, checks and expands.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let fixture = parse::fixture(input, &mut diagnostics);
    let fields = fixture.as_ref().map(|fixture| check::fields(fixture, &mut diagnostics));
    match fixture.zip(fields) {
        Some((fixture, fields)) if diagnostics.is_empty() => expand::sample(&fixture, &fields, root),
        _ => expand::stand_in(diagnostics.into_compile_errors(), root),
    }
}
