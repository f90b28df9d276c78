//! Expansion: a registration beside the function. It holds calls; the logic is in `webhook_core::__private`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType};

use super::check::Handler;

/// Expands to `const _: () = { … };`, which submits the function to the inventory.
///
/// Each piece that the user's types decide is spanned on the token that would be wrong:
/// - `argument` on the argument's type: a type that no handler can take; a second `Event`;
/// - `finish` on the return type: a type that is no outcome;
/// - `start` on the function's name: a future that is not `Send`.
pub(crate) fn registration(handler: &Handler<'_>, function: &ItemFn, root: TokenStream) -> TokenStream {
    let root = handler.root.as_ref().map_or(root, |root| quote!(#root));
    let name = &function.sig.ident;
    let constants: Vec<Ident> =
        (0..handler.arguments.len()).map(|at| format_ident!("__ARGUMENT_{at}")).collect();
    let arguments = constants.iter().enumerate().map(|(at, constant)| {
        let ty = handler.arguments[at];
        let before = &constants[..at];
        let check = (at > 0).then(|| {
            quote_spanned! {ty.span()=>
                const _: () = <__private::SecondEvent<
                    { __private::is_second_event(#constant.is_event, &[#(#before.is_event),*]) }
                > as __private::NoMistake>::CHECKED;
            }
        });
        let argument = quote_spanned!(ty.span()=> <#ty as __private::Extract>::ARGUMENT);
        let carried = quote_spanned! {ty.span()=>
            const _: () = __private::assert_carried(#constant.payload, __EVENTS);
        };
        quote! {
            const #constant: __private::Argument<#ty> = #argument;
            #check
            #carried
        }
    });
    let events = handler.types.iter().flatten().map(|known| {
        let (event_type, objects) = (known.name, &known.objects);
        quote!((#event_type, &[#(#objects),*]))
    });

    let invocation = Ident::new("invocation", Span::mixed_site());
    let extracted = constants.iter().map(|constant| quote!((#constant.extract)(&#invocation)?));
    let finish = match &function.sig.output {
        ReturnType::Default => quote!(<() as __private::IntoOutcome>::into_outcome),
        ReturnType::Type(_, returned) => {
            quote_spanned!(returned.span()=> <#returned as __private::IntoOutcome>::into_outcome)
        }
    };

    let start = quote_spanned! {name.span()=>
        __private::a_handlers_future_must_be_send(async move {
            let _ = &#invocation;
            #finish(#name(#(#extracted),*).await)
        })
    };

    let unraw = name.unraw().to_string();
    let id = match &handler.id {
        Some(id) => quote!(#id),
        None => quote!(::core::concat!(::core::module_path!(), "::", #unraw)),
    };
    let takes = match &handler.types {
        Some(types) => {
            let names = types.iter().map(|known| known.name);
            quote!(__private::Takes::Types(&[#(#names),*]))
        }
        None => quote!(__private::Takes::Unhandled),
    };
    let timeout = match &handler.timeout {
        Some(timeout) => {
            let (seconds, nanoseconds) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(__private::Option::Some(__private::Duration::new(#seconds, #nanoseconds)))
        }
        None => quote!(__private::Option::None),
    };
    // Inside an `impl`, where a `const` needs a name, the compiler points here.
    let underscore = syn::Token![_](name.span());
    let doc = &handler.doc;
    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    // The server's call is not one that a deprecation warns of.
    let deprecated = function
        .attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("deprecated"))
        .then(|| quote!(#[allow(deprecated)]));
    quote! {
        #(#conditions)*
        #deprecated
        const #underscore: () = {
            use #root::__private as __private;
            const __EVENTS: &[(&::core::primitive::str, &[&::core::primitive::str])] = &[#(#events),*];
            #(#arguments)*
            __private::inventory::submit! {
                __private::Registration {
                    id: #id,
                    takes: #takes,
                    file: ::core::file!(),
                    line: ::core::line!(),
                    doc: #doc,
                    policy: __private::Policy { timeout: #timeout, ..__private::Policy::DEFAULT },
                    needs: |needs| {
                        let _ = &needs;
                        #((#constants.needs)(needs);)*
                    },
                    run: |#invocation| #start,
                }
            }
        };
    }
}
