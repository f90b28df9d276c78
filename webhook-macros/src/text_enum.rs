//! `#[derive(StripeEnum)]`.

mod check;
mod expand;

use proc_macro2::TokenStream;

use crate::mistakes::Mistakes;
use crate::view::parse;

/// Parse, check, expand. The type itself stands beside the expansion, whatever is wrong.
pub(crate) fn derive(root: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let expansion = parse::item(item, &mut mistakes).and_then(|item| {
        let checked = check::item(&item, &mut mistakes)?;
        mistakes.is_empty().then(|| expand::implementation(&item, &checked, root))
    });
    expansion.unwrap_or_else(|| mistakes.into_compile_errors())
}
