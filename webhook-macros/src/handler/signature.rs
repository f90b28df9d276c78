//! Checking a handler's signature: what its tokens show.

use syn::{FnArg, ItemFn, ReturnType, Safety, Type, TypeReference};

use super::parse::Kind;
use crate::diagnostics::Diagnostics;

/// An argument, by its type.
#[derive(Clone, Copy)]
pub(super) enum Argument<'f> {
    /// Extracted, and taken by value.
    Value(&'f Type),
    /// `&mut T`, borrowed.
    Transaction(&'f Type),
}

/// Checks the signature. Its types are checked by the compiler.
pub(super) fn check<'f>(
    kind: Kind,
    function: &'f ItemFn,
    replies: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Argument<'f>>> {
    let signature = &function.sig;
    let before = diagnostics.len();
    for attribute in &function.attrs {
        let second = attribute.path().segments.last().map(|segment| segment.ident.to_string());
        if let Some(second @ ("on_event" | "on_unhandled")) = second.as_deref() {
            let message = if kind == Kind::OnEvent && second == "on_event" {
                "this function already has an `#[on_event]`: list all event types in one".to_owned()
            } else {
                format!(
                    "this function already has an `#[{}]`: use another function for `#[{second}]`",
                    kind.name()
                )
            };
            diagnostics.add_on(attribute.path(), message);
        }
    }
    if signature.asyncness.is_none() {
        diagnostics.add(signature.fn_token.span, "a handler is async: write `async fn`");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        diagnostics.add_on(token, "a handler cannot be `unsafe`: the server calls it");
    }
    if let Some(abi) = &signature.abi {
        diagnostics.add_on(abi, "a handler is a Rust function: remove the `extern`");
    }
    if !signature.generics.params.is_empty() {
        diagnostics.add_on(
            &signature.generics,
            "a handler cannot have generic parameters: the server could not choose them",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        diagnostics.add_on(clause, "a handler cannot have a `where` clause");
    }
    let arguments: Vec<_> =
        signature.inputs.iter().filter_map(|input| argument(kind, input, diagnostics)).collect();
    check_transactions(&arguments, replies, diagnostics);
    if let ReturnType::Type(_, returned) = &signature.output {
        match **returned {
            // In a function that only lacks `async`, this return type goes away when `async` is added.
            Type::ImplTrait(_) if signature.asyncness.is_some() => {
                diagnostics.add_on(returned, "a handler returns `()` or `Result<(), E>`, not `impl Trait`")
            }
            Type::Never(_) => diagnostics
                .add_on(returned, "a handler returns `()` or `Result<(), E>`, because every run ends"),
            _ => {}
        }
    }
    (diagnostics.len() == before && arguments.len() == signature.inputs.len()).then_some(arguments)
}

/// Checks that there is at most one transaction, and none whose handler replies.
fn check_transactions(arguments: &[Argument<'_>], replies: bool, diagnostics: &mut Diagnostics) {
    let mut transactions = arguments.iter().filter_map(|argument| match argument {
        Argument::Transaction(ty) => Some(ty),
        Argument::Value(_) => None,
    });
    let first = transactions.next().filter(|_| replies);
    first.into_iter().for_each(|ty| {
        diagnostics.add_on(
            ty,
            "a handler with `reply` cannot take a transaction: Stripe waits for the answer, and a commit may have to be \
             repeated",
        );
    });
    for second in transactions {
        diagnostics.add_on(
            second,
            "a handler takes only one transaction: only one can commit together with its task",
        );
    }
}

fn argument<'f>(kind: Kind, input: &'f FnArg, diagnostics: &mut Diagnostics) -> Option<Argument<'f>> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        receiver => {
            let message =
                format!("`#[{}]` goes on a free function: use `State<…>` instead of `self`", kind.name());
            diagnostics.add_on(receiver, message);
            return None;
        }
    };
    if let Some(cfg) = typed.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        diagnostics
            .add_on(cfg, "a handler's arguments cannot be conditional: put the `#[cfg]` on the function");
    }
    let before = diagnostics.len();
    match &*typed.ty {
        Type::Reference(TypeReference { mutability: Some(_), lifetime, elem, .. }) if !is_ours(elem) => {
            if let Some(named) = lifetime.as_ref().filter(|lifetime| lifetime.ident != "_") {
                let message =
                    "a handler borrows its transaction for one run: write `&mut` without a lifetime";
                diagnostics.add_on(named, message);
            }
            match **elem {
                Type::ImplTrait(_) => diagnostics.add_on(elem, NAMED_TYPE),
                // The compiler reports it.
                Type::Infer(_) => return None,
                _ => {}
            }
            (diagnostics.len() == before).then_some(Argument::Transaction(elem))
        }
        Type::Reference(reference) => {
            let owned = quote::ToTokens::to_token_stream(&reference.elem).to_string().replace(' ', "");
            diagnostics.add_on(
                &typed.ty,
                format!("a handler takes its arguments by value: take `{owned}`, not a reference"),
            );
            None
        }
        Type::ImplTrait(_) => {
            diagnostics.add_on(&typed.ty, NAMED_TYPE);
            None
        }
        // The compiler reports it.
        Type::Infer(_) => None,
        named => Some(Argument::Value(named)),
    }
}

/// Tells whether a type has the name of an argument that is taken by value.
fn is_ours(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| {
        ["Event", "Notification", "Fresh", "State", "Context"].iter().any(|name| last.ident == name)
    })
}

const NAMED_TYPE: &str = "a handler's argument needs a named type, not `impl Trait`";
