//! Checking: everything that the tokens show. What depends on types is left to the expansion.

use std::collections::BTreeMap;

use syn::{ItemFn, LitStr, Path};
use webhook_catalog::{Catalog, EventType, Kind as EventKind, Mismatch};

use super::parse::{Attribute, Kind};
use super::policy::Policy;
use super::signature::{self, Argument};
use super::unlisted;
use crate::diagnostics::{Diagnostics, did_you_mean};
use crate::schema;

/// A handler without errors.
pub(super) struct Handler<'f> {
    /// The event types, sorted; `None` for `#[on_unhandled]`.
    pub(super) types: Option<Vec<&'static EventType>>,
    /// The names and patterns, as they were written.
    pub(super) names: Vec<LitStr>,
    /// Types that the catalog does not list.
    pub(super) unlisted: Vec<String>,
    pub(super) id: Option<String>,
    /// The only endpoint whose events it takes.
    pub(super) endpoint: Option<String>,
    pub(super) policy: Policy,
    pub(super) root: Option<Path>,
    /// In their order.
    pub(super) arguments: Vec<Argument<'f>>,
    pub(super) doc: String,
}

/// Checks the attribute and the signature, collecting every error. `None` if the signature cannot be used.
pub(super) fn handler<'f>(
    attribute: Attribute,
    function: &'f ItemFn,
    diagnostics: &mut Diagnostics,
) -> Option<Handler<'f>> {
    let names = (attribute.kind == Kind::OnEvent).then_some(&attribute.events);
    if names.is_some_and(|names| names.is_empty() && attribute.unlisted.is_empty()) && diagnostics.is_empty()
    {
        let message = "which events? write `#[on_event(\"payment_intent.succeeded\")]`; \
                       `#[on_unhandled]` takes the types that no handler names";
        diagnostics.add(proc_macro2::Span::call_site(), message);
    }
    let types = names.map(|names| event_types(names, diagnostics));
    let unlisted = unlisted::check(&attribute.unlisted, diagnostics);
    let id = attribute.id.and_then(|id| handler_id(&id, diagnostics));
    let endpoint = attribute.endpoint.and_then(|name| endpoint_name(&name, diagnostics));
    let reply = attribute.policy.reply.as_ref().map(syn::Ident::span);
    let mut policy = Policy::check(attribute.policy, types.as_deref(), diagnostics);
    unlisted::policy(&unlisted, reply, &mut policy, diagnostics);
    let arguments = signature::check(attribute.kind, function, reply.is_some(), diagnostics)?;
    Some(Handler {
        types,
        names: attribute.events,
        unlisted,
        id,
        endpoint,
        policy,
        root: attribute.root,
        arguments,
        doc: doc(function),
    })
}

fn event_types(names: &[LitStr], diagnostics: &mut Diagnostics) -> Vec<&'static EventType> {
    // The argument that named each type, because two arguments may cover the same type.
    let mut brought: BTreeMap<&'static str, (&'static EventType, String)> = BTreeMap::new();
    for name in names {
        let written = name.value();
        match webhook_catalog::expand(&written) {
            Err(mismatch) => {
                let mut message = unknown_type(&written, &mismatch);
                if mismatch == Mismatch::Unknown(Vec::new()) && unlisted::is_plausible(&written) {
                    message +=
                        &format!("; one that is newer, older or in preview is `unlisted(\"{written}\")`");
                }
                diagnostics.add(name.span(), message);
            }
            Ok(types) => {
                let twice = types.iter().find_map(|known| Some((known.name, &brought.get(known.name)?.1)));
                match twice {
                    Some((_, by)) if *by == written => {
                        diagnostics.add(name.span(), format!("`{written}` is listed twice"));
                    }
                    Some((known, by)) => {
                        let both = if known == written {
                            format!("`{by}` covers `{written}` already")
                        } else if known == by {
                            format!("`{written}` covers `{by}`, which is listed already: keep one of them")
                        } else {
                            format!("`{written}` and `{by}` both cover `{known}`: keep one of them")
                        };
                        diagnostics.add(name.span(), both);
                    }
                    None => brought.extend(types.iter().map(|known| (known.name, (*known, written.clone())))),
                }
            }
        }
    }
    brought.into_values().map(|(known, _)| known).collect()
}

/// The error for a name that does not stand for an event type that a handler can take, with what was probably meant.
pub(crate) fn unknown_type(written: &str, mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::MalformedPattern => format!(
            "`{written}` is not a valid pattern: a pattern is a group and `.*`, such as `charge.dispute.*`; \
             `#[on_unhandled]` takes the types that no handler names"
        ),
        Mismatch::NoMatch(near) => {
            format!(
                "no event type matches `{written}`{}",
                did_you_mean(near, "the `events` command lists all types")
            )
        }
        Mismatch::SnapshotMissing(thin) => {
            format!("`{written}` is not a snapshot event: Stripe sends it only as the thin event `{thin}`")
        }
        Mismatch::ThinMissing(snapshot) => {
            format!(
                "`{written}` is not a thin event: Stripe sends it only as the snapshot event `{snapshot}`"
            )
        }
        Mismatch::OnlyIn(versions) => {
            let what = if written.contains('*') {
                format!("what `{written}` covers")
            } else {
                format!("the event type `{written}`")
            };
            schema::only_in(&what, versions, Catalog::enabled())
        }
        Mismatch::Group => format!("`{written}` is a group of event types: `{written}.*` names all of them"),
        Mismatch::Unknown(near) => {
            let all = match EventKind::of(written) {
                EventKind::Thin => "`events --thin` lists all thin types".to_owned(),
                _ => format!("the `events` command lists all {}", webhook_catalog::snapshot_types().len()),
            };
            format!("unknown event type `{written}`{}", did_you_mean(near, &all))
        }
        other => format!("`{written}` is not an event type ({other:?})"),
    }
}

fn handler_id(id: &LitStr, diagnostics: &mut Diagnostics) -> Option<String> {
    let written = id.value();
    if !is_name(&written) {
        let message =
            format!("`{written}` is not a valid handler id: use letters, digits, `_`, `-`, `.` and `:`");
        diagnostics.add(id.span(), message);
        return None;
    }
    Some(written)
}

/// The name of an endpoint: as `Endpoint::named` takes it, or else the endpoint's path. Whether the application has it is
/// known when it starts.
fn endpoint_name(name: &LitStr, diagnostics: &mut Diagnostics) -> Option<String> {
    let written = name.value();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_path = written.starts_with('/') && written.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path || (!written.is_empty() && written.bytes().all(fits)) {
        return Some(written);
    }
    let message = format!(
        "`{written}` is not the name of an endpoint: a name has only letters, digits and `-._`; \
         an endpoint without a name is named by its path, such as `/stripe`"
    );
    diagnostics.add(name.span(), message);
    None
}

/// Tells whether a text can name a handler or a group.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    !text.is_empty() && text.bytes().all(allowed)
}

/// The doc comment's text: its lines joined, without the one space after `///`.
fn doc(function: &ItemFn) -> String {
    let lines =
        function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            let syn::Meta::NameValue(pair) = &attribute.meta else {
                return None;
            };
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &pair.value else {
                return None;
            };
            let line = line.value();
            Some(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
