//! Fields that an object usually has and some events lack. A view says whether it requires them, and a handler's
//! expansion compares that with its events.

use proc_macro2::TokenStream;
use quote::quote;
use webhook_catalog::{deviations, find};

/// Tells whether any event with this object lacks the field.
pub(crate) fn is_lacking(object: &str, field: &str) -> bool {
    deviations()
        .iter()
        .filter(|deviation| !deviation.is_sent && deviation.field == field)
        .any(|deviation| find(deviation.event).is_some_and(|event| event.objects.contains(&object)))
}

/// A view's sparse fields, and whether it can do without them. Empty if there are none.
pub(crate) fn sparse_fields(object: &str, fields: &[(&str, TokenStream)], cure: &str) -> TokenStream {
    if fields.is_empty() {
        return TokenStream::new();
    }
    let fields = fields.iter().map(|(field, is_optional)| {
        quote!(__private::SparseField { object: #object, field: #field, is_optional: #is_optional, cure: #cure })
    });
    quote!(const SPARSE_FIELDS: &'static [__private::SparseField] = &[#(#fields),*];)
}

/// A payload's sparse fields, which are those of its views.
pub(crate) fn sparse_fields_of(of_views: impl IntoIterator<Item = TokenStream>, any: bool) -> TokenStream {
    if !any {
        return TokenStream::new();
    }
    let of_views = of_views.into_iter();
    quote!(const SPARSE_FIELDS: &'static [&'static [__private::SparseField]] = &[#(#of_views),*];)
}
