//! Fields of objects that single events lack, in tokens: a view says whether it requires them, and a handler's
//! expansion compares that with its events.

use proc_macro2::TokenStream;
use quote::quote;
use webhook_catalog::{deviations, find};

/// Whether any event that carries an object lacks a field of it.
pub(crate) fn is_lacking(object: &str, field: &str) -> bool {
    deviations()
        .iter()
        .filter(|deviation| !deviation.is_sent && deviation.field == field)
        .any(|deviation| find(deviation.event).is_some_and(|event| event.objects.contains(&object)))
}

/// What a view requires of an object: fields, and whether it does without them. Nothing where there is none.
pub(crate) fn sparse_fields(object: &str, fields: &[(&str, TokenStream)], cure: &str) -> TokenStream {
    if fields.is_empty() {
        return TokenStream::new();
    }
    let fields = fields.iter().map(|(field, is_optional)| {
        quote!(__private::SparseField { object: #object, field: #field, is_optional: #is_optional, cure: #cure })
    });
    quote!(const SPARSE_FIELDS: &'static [__private::SparseField] = &[#(#fields),*];)
}

/// What a payload sparse_fields, which is what its views do.
pub(crate) fn sparse_fields_of(of_views: impl IntoIterator<Item = TokenStream>, any: bool) -> TokenStream {
    if !any {
        return TokenStream::new();
    }
    let of_views = of_views.into_iter();
    quote!(const SPARSE_FIELDS: &'static [&'static [__private::SparseField]] = &[#(#of_views),*];)
}
