//! Where the signing secrets come from: the environment or a file, never the command line.

use std::path::Path;

use tracing::warn;
use webhook_core::Secret;
use zeroize::Zeroizing;

use crate::startup::Problems;

/// The variable that holds the signing secrets.
pub(crate) const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

/// An endpoint has one secret, two while it is being rolled; a server for several accounts and modes has a few more.
const MOST: usize = 8;

/// Stripe's secrets are several times as long; anything shorter is a placeholder that was never replaced.
const SHORTEST: usize = 16;

/// Reads all secrets, noting whatever is wrong with them. Values are separated by commas or line breaks.
///
/// `needed` says why there must be one.
pub(crate) fn read(file: Option<&Path>, needed: &str, problems: &mut Problems) -> Vec<Secret> {
    let (place, text) = match file {
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => {
                warn_if_readable_by_others(file);
                (format!("the secret file {}", file.display()), Zeroizing::new(text))
            }
            Err(error) => {
                problems.add(format!("the secret file {} cannot be read: {error}", file.display()));
                return Vec::new();
            }
        },
        None => match std::env::var(VARIABLE) {
            Ok(text) => (VARIABLE.to_owned(), Zeroizing::new(text)),
            Err(std::env::VarError::NotPresent) => {
                problems.add(no_secret(needed));
                return Vec::new();
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                problems.add(format!("{VARIABLE} holds something other than text"));
                return Vec::new();
            }
        },
    };
    parse(&place, &text, problems)
}

fn no_secret(needed: &str) -> String {
    let program = crate::terminal::program();
    format!(
        "no signing secret: {needed}\n\
         set {VARIABLE}, or name a file with --secret-file\n\
         - an endpoint in Stripe: Dashboard > Developers > Webhooks > the endpoint > Signing secret (whsec_…)\n\
         - the Stripe CLI: `stripe listen --print-secret`\n\
         - no Stripe at all: `{program} dev` makes a secret of its own and sends itself sample events"
    )
}

fn parse(place: &str, text: &str, problems: &mut Problems) -> Vec<Secret> {
    let items: Vec<&str> = text.split([',', '\n']).collect();
    if items.len() > MOST {
        problems.add(format!("{place} holds {} secrets: {MOST} are the most", items.len()));
        return Vec::new();
    }
    let mut secrets = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let which = if items.len() == 1 { place.to_owned() } else { format!("{place}, secret {}", at + 1) };
        if item.is_empty() && at > 0 {
            problems.add(format!(
                "{which}: it is empty; {place} ends with a line break or comma, or holds two in a row: remove it \
                 (`printf %s 'whsec_…' > FILE` writes a file without a line break)"
            ));
            continue;
        }
        if items[..at].contains(item) {
            problems.add(format!("{which}: it is there twice"));
            continue;
        }
        match Secret::new(item) {
            Err(error) => problems.add(format!("{which}: {error}")),
            Ok(_) if item.len() < SHORTEST => problems.add(format!(
                "{which}: it has {} characters, and Stripe's have more than {SHORTEST}",
                item.len()
            )),
            Ok(_) if ["sk_", "rk_", "pk_"].iter().any(|key| item.starts_with(key)) => problems.add(format!(
                "{which}: it is an API key, and no event is signed with one: the endpoint's signing secret begins with \
                 `whsec_`"
            )),
            Ok(secret) => {
                if !secret.looks_like_stripes() {
                    warn!("{which} does not begin with `whsec_`: is it an endpoint's signing secret?");
                }
                secrets.push(secret);
            }
        }
    }
    secrets
}

#[cfg(unix)]
fn warn_if_readable_by_others(file: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let readable = std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0);
    if readable {
        warn!("the secret file {} can be read by every user of this machine: `chmod o-r` it", file.display());
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_secrets_is_refused_with_the_reason() {
        let long = "whsec_0123456789abcdef";
        let nine = (0..9).map(|n| format!("{long}{n}")).collect::<Vec<_>>().join(",");
        for (text, expected) in [
            (String::new(), "the secret is empty"),
            ("   ".to_owned(), "blank"),
            ("sk_test_0123456789abcdef".to_owned(), "it is an API key"),
            (format!("{long}\n"), "ends with a line break"),
            (format!("{long} "), "white space"),
            (format!("{long}\r\n{long}1"), "white space"),
            (format!("{long},{long}"), "twice"),
            (format!("\"{long} x\""), "visible ASCII"),
            (format!("{long}\u{a0}x"), "visible ASCII"),
            ("whsec_x".to_owned(), "7 characters"),
            (nine, "9 secrets"),
        ] {
            let mut problems = Problems::default();
            parse("STRIPE_WEBHOOK_SECRET", &text, &mut problems);
            let report = problems.to_string();
            assert!(report.contains(expected), "{text:?}: {report}");
            assert!(report.contains("STRIPE_WEBHOOK_SECRET") && !report.contains("0123"), "{report}");
        }
    }

    #[test]
    fn several_secrets_are_separated_by_commas_or_line_breaks() {
        let mut problems = Problems::default();
        let secrets = parse(
            "x",
            "whsec_0123456789abcdef,whsec_0123456789abcdeg\nwhsec_0123456789abcdeh",
            &mut problems,
        );
        assert_eq!(secrets.len(), 3);
        assert!(problems.none_or(()).is_ok());
    }
}
