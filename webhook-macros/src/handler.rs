//! `#[on_event]` and `#[on_unhandled]`.

mod check;
mod expand;
mod hover;
mod parse;
mod policy;
mod unlisted;

use proc_macro2::TokenStream;
use quote::quote;

use crate::mistakes::Mistakes;
pub(crate) use check::unknown_type;
pub(crate) use parse::Kind;

/// Parse, check, expand. Whatever is wrong, the function itself is emitted, so that its uses elsewhere stay good.
pub(crate) fn attribute(
    kind: Kind,
    root: TokenStream,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let attribute = parse::Attribute::parse(kind, arguments, &mut mistakes);
    let function = parse::function(kind, item.clone(), &mut mistakes);
    let expansion = function.and_then(|function| {
        let checked = check::handler(attribute, &function, &mut mistakes)?;
        mistakes.is_empty().then(|| expand::registration(&checked, &function, root))
    });
    let beside = expansion.unwrap_or_else(|| mistakes.into_compile_errors());
    quote!(#item #beside)
}
