//! Recognises what was given instead of a key, and says how to fix it. No message contains any part of it.

use crate::secrets::Medium;
use crate::secrets::diagnostics::{
    REFERENCE, has_a_long_run, is_masked, is_placeholder, is_quote, is_reference,
};

/// The minimum length, as the Stripe CLI has it.
const SHORTEST: usize = 12;

/// How keys begin.
const KINDS: [&str; 3] = ["sk_", "rk_", "rkcs_"];

const PLACEHOLDER: &str = "it is a placeholder: replace it with the key";

/// Where to get a key: the end of a sentence.
const WHERE: &str = "create a restricted key (rk_…) in the Dashboard under Developers > API keys";

/// Says why a text is not a key of Stripe's API.
pub(super) fn mistake(text: &str, medium: Medium) -> Option<String> {
    let around = around(text, medium).map(str::to_owned);
    around.or_else(|| of_another_kind(text)).or_else(|| in_characters(text))
}

/// Mistakes in how the key was written down.
fn around(text: &str, medium: Medium) -> Option<&'static str> {
    let key_at = KINDS.iter().filter_map(|kind| text.find(kind)).min();
    let before = key_at.map(|at| text[..at].trim_end()).unwrap_or_default();
    Some(match text {
        "" => "it is empty",
        _ if text.trim().is_empty() => "it is blank: it is only white space",
        _ if text.starts_with('\u{feff}') => medium.marked(),
        _ if text.starts_with(is_quote) || text.ends_with(is_quote) => medium.quoted(),
        _ if text.trim() != text => "it begins or ends with white space, often a line break: remove it",
        _ if before.ends_with(['=', ':']) => {
            "it begins with a name, as in STRIPE_API_KEY=rk_…: give only the key"
        }
        _ if before == "Bearer" => "it begins with `Bearer`: give only the key",
        _ if is_placeholder(text) => PLACEHOLDER,
        _ if is_masked(text) => {
            "it was copied while it was masked: the Dashboard shows a live key only once, when it is created"
        }
        _ if is_reference(text) => REFERENCE,
        _ if text.contains(|char: char| char.is_whitespace() || char == ',') => {
            "it is more than one word: give one key"
        }
        _ => return None,
    })
}

/// Another value from Stripe.
fn of_another_kind(text: &str) -> Option<String> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    let what = match text {
        _ if starts(&["pk_"]) => "it is a publishable key, with which nothing can be read",
        _ if starts(&["whsec_"]) => {
            "it is an endpoint's signing secret, which belongs in STRIPE_WEBHOOK_SECRET"
        }
        _ if starts(&["oak_", "uak_"]) => {
            "it is the token of a login of the Stripe CLI, which only the CLI can use"
        }
        _ if starts(&["acct_", "we_", "ed_", "evt_"]) => "it is an id",
        _ if text.contains("://") || starts(&["arn:"]) => "it is the address of a key, not the key itself",
        _ if starts(&KINDS) => return None,
        _ if KINDS.iter().any(|kind| text.to_ascii_lowercase().starts_with(kind)) => {
            return Some("it begins in capitals: copy it exactly as Stripe shows it".to_owned());
        }
        _ => "it begins neither with `rk_` nor with `sk_`, as keys do",
    };
    Some(format!("{what}: {WHERE}"))
}

/// Says why the characters cannot be those of a key.
fn in_characters(text: &str) -> Option<String> {
    if text.ends_with([';', '.', ':', '\\', '%']) || text.ends_with("\\n") {
        return Some("it ends with something that is not part of it: remove it".to_owned());
    }
    if let Some(at) = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_') {
        let at = text[..at].chars().count() + 1;
        return Some(format!("its character {at} is invalid: a key contains only letters, digits and `_`"));
    }
    let random = text.rsplit('_').next().unwrap_or_default().to_ascii_lowercase();
    let is_filler = ["here", "key", "placeholder", "example", "change", "xxx"].contains(&&*random);
    if has_a_long_run(text) || is_filler {
        return Some(PLACEHOLDER.to_owned());
    }
    let is_short = text.len() < SHORTEST || text.split('_').count() < 3;
    is_short.then(|| format!("it has only {} characters: copy all of it", text.len()))
}
