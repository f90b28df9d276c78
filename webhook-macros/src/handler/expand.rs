//! Expansion: a registration beside the function. It holds calls; the logic is in `webhook_core::__private`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
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
        (0..handler.arguments.len()).map(|at| format_ident!("ARGUMENT_{at}")).collect();
    let arguments = constants.iter().enumerate().map(|(at, constant)| {
        let ty = handler.arguments[at];
        let before = &constants[..at];
        let check = (at > 0).then(|| {
            quote_spanned! {ty.span()=>
                const _: () = private::assert_first_event(#constant.is_event, &[#(#before.is_event),*]);
            }
        });
        let argument = quote_spanned!(ty.span()=> private::argument::<#ty>());
        let carried = quote_spanned! {ty.span()=>
            const _: () = private::assert_carried(#constant.payload, EVENTS);
        };
        quote! {
            const #constant: private::Argument<#ty> = #argument;
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
        ReturnType::Default => quote!(private::finish::<()>),
        ReturnType::Type(_, returned) => quote_spanned!(returned.span()=> private::finish::<#returned>),
    };

    let start = quote_spanned! {name.span()=>
        private::a_handlers_future_must_be_send(async move {
            let _ = &#invocation;
            #finish(#name(#(#extracted),*).await)
        })
    };

    let id = match &handler.id {
        Some(id) => quote!(#id),
        None => quote!(::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name))),
    };
    let takes = match &handler.types {
        Some(types) => {
            let names = types.iter().map(|known| known.name);
            quote!(private::Takes::Types(&[#(#names),*]))
        }
        None => quote!(private::Takes::Unhandled),
    };
    let timeout = match &handler.timeout {
        Some(timeout) => {
            let (seconds, nanoseconds) = (timeout.as_secs(), timeout.subsec_nanos());
            quote!(private::Option::Some(private::Duration::new(#seconds, #nanoseconds)))
        }
        None => quote!(private::Option::None),
    };
    let doc = &handler.doc;
    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    quote! {
        #(#conditions)*
        const _: () = {
            use #root::__private as private;
            const EVENTS: &[(&str, &[&str])] = &[#(#events),*];
            #(#arguments)*
            private::inventory::submit! {
                private::Registration {
                    id: #id,
                    takes: #takes,
                    file: ::core::file!(),
                    line: ::core::line!(),
                    doc: #doc,
                    timeout: #timeout,
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
