//! Secrets and API keys where they do not belong.

use crate::settings::Origin;

/// Whether a text contains a secret or an API key, and so must not be shown.
pub(crate) fn looks_like_a_secret(text: &str) -> bool {
    BEGINNINGS.iter().any(|start| text.contains(start))
}

/// How a secret begins.
const SECRET: &str = "whsec_";

/// How secrets and API keys begin.
const BEGINNINGS: [&str; 7] = [SECRET, "sk_live_", "sk_test_", "rk_live_", "rk_test_", "rkcs_", "sk_org_"];

/// What must not be shown, and is not to be in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Secret,
    ApiKey,
}

/// Whether a text contains a secret or an API key: the beginning of one, and more than the beginning.
pub(crate) fn held(text: &str) -> Option<Held> {
    let is_held = |start: &&&str| {
        text.match_indices(**start)
            .any(|(at, _)| text[at + start.len()..].starts_with(|next: char| next.is_ascii_alphanumeric()))
    };
    let start = BEGINNINGS.iter().find(is_held)?;
    Some(if *start == SECRET { Held::Secret } else { Held::ApiKey })
}

/// What is said of a secret or an API key that was given in place of the name of its file or its variable. `origin` is
/// what gave it.
pub(super) fn misplaced(text: &str, (what, cure): (&str, &str), origin: &Origin) -> String {
    let (given, secret) = match looks_like_a_secret(text) && !text.contains(SECRET) {
        true => ("an API key", "signing secret (whsec_…)"),
        false => ("the secret itself", "secret"),
    };
    let (by, roll) = match origin {
        Origin::Flag(flag) => (
            format!("{flag}: "),
            ". Others may have seen it in the list of processes: if so, roll it in the Dashboard",
        ),
        Origin::Variable(name) => (format!("{name}: "), ""),
        _ => (String::new(), ""),
    };
    format!("{by}{given} was given where the name of {what} belongs\n{}{roll}", cure.replace("{}", secret))
}
