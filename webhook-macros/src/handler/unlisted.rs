//! `unlisted("order.created")`: event types that the catalog does not know.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, parenthesized};
use webhook_catalog::Mismatch;

use super::check::unknown_type;
use super::parse::each_argument;
use super::policy::Policy;
use crate::diagnostics::Diagnostics;

const EXAMPLE: &str =
    "types that the catalog does not know stand in parentheses: `unlisted(\"order.created\")`";

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

/// Checks that they can be names of snapshot events, and are none that the catalog has.
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

/// Whether a name can be an event type: what the envelope of an event accepts.
pub(super) fn is_plausible(written: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    (1..=255).contains(&written.len())
        && written.bytes().all(allowed)
        && !written.split('.').any(str::is_empty)
}

fn refusal(written: &str) -> Option<String> {
    if written.contains('*') {
        return Some(format!(
            "`{written}` is a pattern, and which types it stands for is for the catalog to say: name each type"
        ));
    }
    let thin = ["v1.", "v2."].into_iter().find(|prefix| written.starts_with(prefix));
    match (webhook_catalog::expand(written), thin) {
        (Ok(_), _) => {
            Some(format!("`{written}` is an event type that the catalog lists: write it without `unlisted`"))
        }
        (Err(Mismatch::Unknown(_) | Mismatch::UnknownThin), Some(prefix)) => Some(format!(
            "`{written}` is a thin event, as its name begins with `{prefix}`, and handlers take snapshot events"
        )),
        (Err(Mismatch::Unknown(_)), None) if !is_plausible(written) => Some(format!(
            "`{written}` cannot be an event type: it is made of letters, digits and `_`, with single dots between"
        )),
        (Err(Mismatch::Unknown(near)), None) => {
            near.iter().find(|near| webhook_catalog::is_slip(written, near)).map(|near| {
                format!(
                    "`{written}` differs from the event type `{near}` by one letter: if that is meant, write it \
                     without `unlisted`"
                )
            })
        }
        (Err(mismatch), _) => Some(unknown_type(written, &mismatch)),
    }
}

/// Checks the policy of a handler of such types: whether Stripe waits for an answer is not known of them.
pub(super) fn policy(
    unlisted: &[String],
    reply: Option<Span>,
    policy: &mut Policy,
    diagnostics: &mut Diagnostics,
) {
    let Some(name) = unlisted.first() else { return };
    if let Some(reply) = reply {
        let message = format!("whether Stripe waits for the answer to `{name}` is not known: remove `reply`");
        diagnostics.add(reply, message);
    }
    if let Some(returns) = policy.returns.as_mut().filter(|returns| !returns.reply) {
        returns.otherwise = format!(
            "this handler returns a `Reply`, and whether Stripe waits for the answer to `{name}` is not known: \
             return `()` or `Result<(), E>`"
        );
    }
}
