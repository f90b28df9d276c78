//! `fixture!`.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;
use crate::no_version::is_nothing_enabled;

/// Parses, checks and expands.
pub(crate) fn expand(root: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let fixture =
        if is_nothing_enabled(&mut diagnostics) { None } else { parse::fixture(input, &mut diagnostics) };
    let checked = fixture.as_ref().and_then(|fixture| check::fixture(fixture, &mut diagnostics));
    match fixture.zip(checked) {
        Some((fixture, checked)) if diagnostics.is_empty() => expand::sample(&fixture, &checked, root),
        _ => expand::stand_in(diagnostics.into_compile_errors(), root),
    }
}
