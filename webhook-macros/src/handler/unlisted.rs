//! `unlisted("order.created")`: event types that the catalog does not list.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, parenthesized};
use webhook_catalog::{Kind, Mismatch};

use super::check::unknown_type;
use super::parse::each_argument;
use super::policy::Policy;
use crate::diagnostics::Diagnostics;

const EXAMPLE: &str =
    "write types that the catalog does not list in parentheses: `unlisted(\"order.created\")`";

/// Parses what follows `unlisted`.
pub(super) fn parse(
    key: &Ident,
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<LitStr>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(key.span(), EXAMPLE));
    }
    let mut names = Vec::new();
    each_argument(&content, diagnostics, |_| {
        let name: LitStr = content.parse().map_err(|mistake| syn::Error::new(mistake.span(), EXAMPLE))?;
        names.push(name);
        Ok(())
    });
    Ok(names)
}

/// Checks that they can be names of events that the catalog does not list.
pub(super) fn check(names: &[LitStr], diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut checked: Vec<String> = Vec::new();
    for name in names {
        let written = name.value();
        match refusal(&written) {
            Some(message) => diagnostics.add(name.span(), message),
            None if checked.contains(&written) => {
                diagnostics.add(name.span(), format!("`{written}` is listed twice"));
            }
            None => checked.push(written),
        }
    }
    checked
}

/// Tells whether a name can be an event type, as an event's envelope accepts it.
pub(super) fn is_plausible(written: &str) -> bool {
    let others: &[u8] = if Kind::of(written) == Kind::Thin { b"_.[]" } else { b"_." };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    (1..=255).contains(&written.len())
        && written.bytes().all(allowed)
        && !written.split('.').any(str::is_empty)
}

fn refusal(written: &str) -> Option<String> {
    if written.contains('*') {
        return Some(format!(
            "`{written}` is a pattern, and the catalog does not know which types it covers: name each type"
        ));
    }
    match webhook_catalog::expand(written) {
        Ok(_) => {
            Some(format!("the catalog lists the event type `{written}`: write it without `unlisted`"))
        }
        Err(Mismatch::Unknown(_)) if !is_plausible(written) => Some(format!(
            "`{written}` cannot be an event type: a type consists of letters, digits and `_`, with single dots between them"
        )),
        Err(Mismatch::Unknown(near)) => {
            near.iter().find(|near| webhook_catalog::is_slip(written, near)).map(|near| {
                format!(
                    "`{written}` differs from the event type `{near}` by one letter: if you mean that, write it \
                     without `unlisted`"
                )
            })
        }
        // The catalog knows it from an API version that is not enabled.
        Err(Mismatch::OnlyIn(_)) => None,
        Err(mismatch) => Some(unknown_type(written, &mismatch)),
    }
}

/// Checks the policy of a handler of unlisted types, for which it is not known whether Stripe waits for an answer.
pub(super) fn policy(
    unlisted: &[String],
    reply: Option<Span>,
    policy: &mut Policy,
    diagnostics: &mut Diagnostics,
) {
    let Some(name) = unlisted.first() else { return };
    if let Some(reply) = reply {
        let message =
            format!("it is not known whether Stripe waits for the answer to `{name}`: remove `reply`");
        diagnostics.add(reply, message);
    }
    if let Some(returns) = policy.returns.as_mut().filter(|returns| !returns.reply) {
        returns.otherwise = format!(
            "this handler returns a `Reply`, but it is not known whether Stripe waits for the answer to `{name}`: \
             return `()` or `Result<(), E>`"
        );
    }
}
