//! Expansion: a registration beside the function. It contains calls; the logic is in `webhook_core::__private`.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType, Type};

use webhook_catalog::{EventType, Kind, read_path};

use super::check::Handler;
use super::hover;
use super::policy::{OrderMode, Policy};
use super::signature::Argument;
use crate::contains_word;

/// Expands to `const _: () = { … };`, which submits the function to the inventory.
///
/// Each part that depends on the user's types has the span of the token that an error should point at:
/// - `argument` the argument's type: a type that a handler cannot take; a second `Event`;
/// - `lending` the transaction's type: a type that is not a transaction;
/// - `returns` the return type: a type that is not an outcome;
/// - `replies` the return type, too: a `Reply` that Stripe does not wait for, or none where Stripe reads one;
/// - `start` the function's name: a future that is not `Send`.
pub(super) fn registration(handler: &Handler<'_>, function: &ItemFn, root: TokenStream) -> TokenStream {
    let root = handler.root.as_ref().map_or(root, |root| quote!(#root));
    let name = &function.sig.ident;
    let mut transaction = None;
    let types: Vec<&Type> = handler
        .arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Value(ty) => Some(*ty),
            Argument::Transaction(ty) => {
                transaction = Some(*ty);
                None
            }
        })
        .collect();
    let constants: Vec<Ident> = (0..types.len()).map(|at| format_ident!("__ARGUMENT_{at}")).collect();
    let arguments = constants.iter().enumerate().map(|(at, constant)| {
        let ty = types[at];
        let before = &constants[..at];
        let check = (at > 0).then(|| {
            quote_spanned! {ty.span()=>
                const _: () = <__private::SecondEvent<
                    { __private::is_second_event(#constant.kind, &[#(#before.kind),*]) }
                > as __private::OnlyEvent>::CHECKED;
            }
        });
        let argument = quote_spanned!(ty.span()=> <#ty as __private::Extract>::ARGUMENT);
        let agreed = match &handler.types {
            Some(_) => quote_spanned!(ty.span()=> __private::assert_agrees(#constant.kind, #constant.payload, __EVENTS)),
            None => quote_spanned!(ty.span()=> __private::assert_any_object(#constant.payload)),
        };
        let carried = quote_spanned!(ty.span()=> const _: () = #agreed;);
        let sent = lacking(handler).map(|(event, objects, lacks)| {
            quote_spanned! {ty.span()=>
                const _: () = __private::assert_sent(
                    #constant.payload.0, #constant.sparse_fields, #event, &[#(#objects),*], &[#(#lacks),*]
                );
            }
        });
        quote! {
            const #constant: __private::Argument<#ty> = #argument;
            #check
            #carried
            #(#sent)*
        }
    });
    // In each API version, because a payload must read what the event carries in all of them.
    let events = handler.types.iter().flatten().flat_map(|known| {
        let by_version = known.objects_by_version().map(|(version, objects)| {
            // The error quotes it.
            carried(&format!("{}` in API version `{version}", known.name), objects, known)
        });
        std::iter::once(carried(known.name, &known.objects, known)).chain(by_version).collect::<Vec<_>>()
    });
    let unlisted = handler.unlisted.iter().map(|name| quote!(__private::Carried::unlisted(#name)));
    let events = events.chain(unlisted);

    let invocation = Ident::new("invocation", Span::mixed_site());
    let values: Vec<Ident> =
        (0..constants.len()).map(|at| format_ident!("argument_{at}", span = Span::mixed_site())).collect();
    let list = nested(&constants);
    let bound = nested(&values);
    let (returned, returned_at) = match &function.sig.output {
        ReturnType::Default => (quote!(()), name.span()),
        ReturnType::Type(_, returned) => (quote!(#returned), returned.span()),
    };
    // If the type is not written out, the compiler already reports it.
    let is_written = !contains_word(returned.clone(), &|word| word == "_");
    let (returns, finish) = if is_written {
        let returning = quote_spanned!(returned_at=> <#returned as __private::IntoOutcome>::RETURNING);
        let constant = quote!(const __RETURNS: __private::Returning<#returned> = #returning;);
        (Some(constant), quote!(__RETURNS.into_outcome))
    } else {
        (None, quote_spanned!(returned_at=> <#returned as __private::IntoOutcome>::into_outcome))
    };
    let replies = handler.policy.returns.as_ref().filter(|_| is_written).map(|returns| {
        let (reply, otherwise) = (returns.reply, &returns.otherwise);
        quote_spanned! {returned_at=>
            const _: () = __private::assert_reply(__RETURNS.replies, #reply, #otherwise);
        }
    });

    let lent = Ident::new("transaction", Span::mixed_site());
    let mut rest = values.iter();
    let passed = handler.arguments.iter().filter_map(|argument| match argument {
        Argument::Value(_) => rest.next(),
        Argument::Transaction(_) => Some(&lent),
    });
    let start = quote_spanned! {name.span()=>
        __private::a_handlers_future_must_be_send(#name(#(#passed),*), #finish)
    };
    let (lending, begin) = match transaction {
        None => (None, quote!(.start(#invocation, |#bound| #start))),
        Some(ty) => {
            let lending = quote_spanned!(ty.span()=> <#ty as __private::Transaction>::LENDING);
            (
                Some(quote!(const __TRANSACTION: __private::Lending<#ty> = #lending;)),
                quote!(.start_in_transaction(#invocation, const { &__TRANSACTION }, |#bound, #lent| #start)),
            )
        }
    };
    let lends = lending.as_ref().map(|_| quote!((__TRANSACTION.needs)(needs);));

    let unraw = name.unraw().to_string();
    let id = match &handler.id {
        Some(id) => quote!(#id),
        None => quote!(::core::concat!(::core::module_path!(), "::", #unraw)),
    };
    let takes = match &handler.types {
        Some(types) => {
            let listed = types.iter().map(|known| known.name);
            let mut names: Vec<&str> = listed.chain(handler.unlisted.iter().map(String::as_str)).collect();
            names.sort_unstable();
            quote!(__private::Subscription::Types(&[#(#names),*]))
        }
        None => quote!(__private::Subscription::Unhandled),
    };
    let endpoint = option(handler.endpoint.as_ref().map(|name| quote!(#name)));
    let policy = policy(&handler.policy);
    // Inside an `impl`, a `const` needs a name, and the compiler's error points here.
    let underscore = syn::Token![_](name.span());
    let doc = &handler.doc;
    let hover = hover::constants(&handler.names);
    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    // The deprecation is not meant for the server's call.
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
            const __EVENTS: &[__private::Carried] = &[#(#events),*];
            #hover
            #(#arguments)*
            #lending
            #returns
            #replies

            fn __needs(needs: &mut __private::Requirements) {
                let _ = &needs;
                #((#constants.needs)(needs);)*
                #lends
            }

            fn __run(#invocation: __private::Invocation) -> __private::HandlerFuture {
                const { &__private::Arguments::new(#list, false #(|| #constants.extraction.waits())*) }
                    #begin
            }

            __private::inventory::submit! {
                __private::Registration {
                    id: #id,
                    takes: #takes,
                    endpoint: #endpoint,
                    module: ::core::module_path!(),
                    binary: ::core::option_env!("CARGO_BIN_NAME"),
                    file: ::core::file!(),
                    line: ::core::line!(),
                    doc: #doc,
                    policy: #policy,
                    needs: __needs,
                    run: __run,
                }
            }
        };
    }
}

/// Nested pairs of what is listed: `(first, (second, ()))`.
fn nested(names: &[Ident]) -> TokenStream {
    names.iter().rev().fold(quote!(()), |rest, name| quote!((#name, #rest)))
}

/// What an event carries, for the check that the arguments agree.
fn carried(event: &str, objects: &[&str], known: &EventType) -> TokenStream {
    let is_unreadable = |object: &&&str| known.kind == Kind::Snapshot && read_path(object).is_none();
    let unreadable: Vec<_> = objects.iter().filter(is_unreadable).collect();
    let reads = (!unreadable.is_empty()).then(|| quote!(.without_reads(&[#(#unreadable),*])));
    let data = known.data.then(|| quote!(.with_data()));
    quote!(__private::Carried::new(#event, &[#(#objects),*]) #reads #data)
}

/// The events that lack fields of their objects: their names, objects and missing fields.
fn lacking<'h>(
    handler: &'h Handler<'_>,
) -> impl Iterator<Item = (&'static str, &'h [&'static str], Vec<&'static str>)> {
    let types = handler.types.iter().flatten();
    types.filter_map(|known| {
        let lacks: Vec<_> = known.lacks().collect();
        (!lacks.is_empty()).then_some((known.name, &*known.objects, lacks))
    })
}

fn policy(policy: &Policy) -> TokenStream {
    let timeout = option(policy.timeout.map(duration));
    let retry = &policy.retry;
    let attempts = retry
        .attempts
        .map_or_else(|| quote!(__private::Retry::DEFAULT.attempts), |attempts| quote!(#attempts));
    let first_delay =
        retry.first_delay.map_or_else(|| quote!(__private::Retry::DEFAULT.first_delay), duration);
    let max_delay = retry.max_delay.map_or_else(|| quote!(__private::Retry::DEFAULT.max_delay), duration);
    let mode = match policy.order.mode {
        OrderMode::Serial => quote!(__private::OrderMode::Serial),
        OrderMode::Strict => quote!(__private::OrderMode::Strict),
        OrderMode::Unordered => quote!(__private::OrderMode::Unordered),
    };
    let per = option(policy.order.per.as_ref().map(|path| quote!(#path)));
    let group = option(policy.order.group.as_ref().map(|name| quote!(#name)));
    let replies = policy.replies;
    quote! {
        __private::Policy {
            timeout: #timeout,
            retry: __private::Retry { attempts: #attempts, first_delay: #first_delay, max_delay: #max_delay },
            order: __private::Order { mode: #mode, per: #per, group: #group },
            replies: #replies,
        }
    }
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    quote!(__private::Duration::new(#seconds, #nanoseconds))
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(__private::Option::Some(#value)),
        None => quote!(__private::Option::None),
    }
}
