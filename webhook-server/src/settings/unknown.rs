//! Names that do not exist, and what was probably meant.

use webhook_core::catalog::nearest;

/// A name that stands for the secret itself, which is not a setting.
pub(super) const SECRET: &str = "secret";

/// A name that stands for the key of Stripe's API itself, which is not a setting either.
pub(super) const API_KEY: &str = "stripe-api-key";

/// Names that other programs use for a setting, and the name of the setting here.
const ALIASES: [(&str, &str); 16] = [
    ("addr", "listen"),
    ("address", "listen"),
    ("bind", "listen"),
    ("api-key", API_KEY),
    ("stripe-api-key", API_KEY),
    ("stripe-key", API_KEY),
    ("host", "listen"),
    ("port", "listen"),
    ("database", "inbox"),
    ("db", "inbox"),
    ("endpoint", "path"),
    ("secret", SECRET),
    ("secrets", SECRET),
    ("secret-env", SECRET),
    ("signing-secret", SECRET),
    ("workers", "concurrency"),
];

/// A name as it is written in a file: `BODY_LIMIT` is `body-limit`.
pub(super) fn in_file(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// The names that were probably meant, best first.
pub(super) fn meant<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let name = in_file(name);
    match ALIASES.iter().find(|(theirs, _)| *theirs == name) {
        Some((_, ours)) => vec![*ours],
        None => nearest(&name, names),
    }
}
