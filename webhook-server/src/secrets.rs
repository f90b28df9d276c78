//! Where the signing secrets come from: the environment or a file, never the command line.

mod mistakes;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tracing::warn;
use webhook_core::Secret;
use zeroize::Zeroizing;

use crate::problems::Problems;

/// The variable that holds the signing secrets.
pub(crate) const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

/// An endpoint has one secret, two while it is being rolled; a server for several accounts and modes has a few more.
const MOST: usize = 8;

/// More than any secrets take, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Reads all secrets, noting whatever is wrong with them. Values are separated by commas or line breaks.
///
/// `needed` says why there must be one.
pub(crate) fn read(file: Option<&Path>, needed: &str, problems: &mut Problems) -> Vec<Secret> {
    let (place, text) = match file {
        Some(file) => match read_file(file) {
            Ok(text) => {
                warn_if_readable_by_others(file);
                (format!("the secret file {}", file.display()), text)
            }
            Err(error) => {
                problems.add(if looks_like_a_secret(&file.to_string_lossy()) {
                    "the secret itself stands where the name of its file belongs: give it in \
                     STRIPE_WEBHOOK_SECRET, or put it in a file and name that"
                        .to_owned()
                } else {
                    format!("the secret file {} cannot be read: {error}", file.display())
                });
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

/// Whether a text holds what must not be shown, whatever it was meant to be.
pub(crate) fn looks_like_a_secret(text: &str) -> bool {
    ["whsec_", "sk_live_", "sk_test_", "rk_live_", "rk_test_"].iter().any(|start| text.contains(start))
}

/// The names of variables that people give to an endpoint's secret, and that are set.
fn near_misses() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| {
        let upper = name.to_ascii_uppercase();
        let holds = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        upper.contains("STRIPE") && holds(&["WEBHOOK", "ENDPOINT", "SIGNING"]) && holds(&["SECRET", "KEY"])
    })
}

fn no_secret(needed: &str) -> String {
    let program = crate::report::format::program();
    let near = near_misses().map(|name| format!("\n- {name} is set, and is not read: is this the secret?"));
    let near: String = near.collect();
    format!(
        "no signing secret: {needed}{near}\n\
         set {VARIABLE}, or name a file with --secret-file\n\
         - an endpoint in Stripe: Dashboard > Developers > Webhooks > the endpoint > Signing secret (whsec_…)\n\
         - the Stripe CLI: `stripe listen --print-secret`\n\
         - no Stripe at all: `{program} dev` makes a secret of its own and sends itself sample events"
    )
}

/// Reads a file's lines. The line break that an editor or a secret store puts at the end is not part of them.
fn read_file(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(file)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is too long to be a file of secrets"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        io::Error::other(
            "it is not UTF-8 (`>` in Windows PowerShell writes UTF-16: use `Set-Content -Encoding ascii`)",
        )
    })?;
    let lines = Zeroizing::new(text.replace("\r\n", "\n"));
    Ok(Zeroizing::new(lines.strip_suffix('\n').unwrap_or(&lines).to_owned()))
}

fn parse(place: &str, text: &str, problems: &mut Problems) -> Vec<Secret> {
    if let Some(mistake) = mistakes::in_value(text) {
        problems.add(format!("{place}: {mistake}"));
        return Vec::new();
    }
    let items: Vec<&str> = text.split([',', '\n']).collect();
    if items.len() > MOST {
        problems.add(format!("{place} holds {} secrets: {MOST} are the most", items.len()));
        return Vec::new();
    }
    let mut secrets = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let which = if items.len() == 1 { place.to_owned() } else { format!("{place}, secret {}", at + 1) };
        if item.is_empty() && items.len() > 1 {
            problems.add(format!(
                "{which}: it is empty; {place} begins or ends with a comma or a line break too many, or holds two in \
                 a row: remove it"
            ));
            continue;
        }
        if items[..at].contains(item) {
            problems.add(format!("{which}: it is there twice"));
            continue;
        }
        if let Some(mistake) = mistakes::in_secret(item) {
            problems.add(format!("{which}: {mistake}"));
            continue;
        }
        match Secret::new(item) {
            Ok(secret) => secrets.push(secret),
            Err(error) => problems.add(format!("{which}: {error}")),
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

    /// The variable that names a file, given the secret itself.
    #[test]
    fn a_secret_in_place_of_its_file_is_not_shown() {
        let mut problems = Problems::default();
        let secret = "whsec_0123456789abcdef0123456789abcdef";
        read(Some(Path::new(secret)), "x", &mut problems);
        let told = format!("{problems:?}");
        assert!(!told.contains(secret), "{told}");
    }
}
