//! Compile errors, collected and reported together.

use proc_macro2::{Span, TokenStream};

/// All errors in one item.
#[derive(Default)]
pub(crate) struct Diagnostics(Vec<syn::Error>);

impl Diagnostics {
    pub(crate) fn add(&mut self, span: Span, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// Adds an error that covers all tokens of a syntax node.
    pub(crate) fn add_on(&mut self, node: impl quote::ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(node, message));
    }

    pub(crate) fn push(&mut self, mistake: syn::Error) {
        self.0.push(mistake);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.into_iter().map(|error| error.into_compile_error()).collect()
    }
}

/// The end of a message: the names that may have been meant, or what to do if none is similar.
pub(crate) fn did_you_mean(near: &[impl AsRef<str>], otherwise: &str) -> String {
    let mut quoted = near.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>();
    match (quoted.pop(), quoted.join(", ")) {
        (None, _) => format!(": {otherwise}"),
        (Some(last), others) if others.is_empty() => format!(": did you mean {last}?"),
        (Some(last), others) => format!(": did you mean {others} or {last}?"),
    }
}
