//! Where the signing secrets come from: the environment or a file, never the command line.
//!
//! The command line is visible to every user of the machine, so no flag takes a secret. Text that holds one is wiped
//! when it is dropped, and no message contains any part of it.

mod diagnostics;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tracing::warn;
use webhook_core::Secret;
use zeroize::Zeroizing;

use crate::problems::Problems;

/// The variable that holds the signing secrets.
pub(crate) const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

/// The variable that names the file that contains them.
pub(crate) const FILE_VARIABLE: &str = "STRIPE_WEBHOOK_SECRET_FILE";

/// Why a server needs a secret, for [`read`].
pub(crate) const NEEDED: &str = "without one, anyone could send events";

/// The maximum number of secrets. An endpoint has one, or two during a roll; a server for several accounts and modes has a
/// few more.
const MOST: usize = 8;

/// The maximum size of a secret file, in bytes: more than any secrets need.
const LONGEST_FILE: u64 = 64 * 1024;

/// Reads all secrets and reports everything that is wrong with them. Values are separated by commas or line breaks.
///
/// `needed` says why a secret is needed, for the message when there is none. Returns what could be read; if that is not all,
/// `problems` says why.
pub(crate) fn read(file: Option<&Path>, needed: &str, problems: &mut Problems) -> Vec<Secret> {
    let (place, text) = match file {
        Some(file) => match read_file(file) {
            Ok(text) => {
                warn_if_readable_by_others(file);
                (format!("the secret file {}", file.display()), text)
            }
            Err(error) => {
                problems.add(if looks_like_a_secret(&file.to_string_lossy()) {
                    "the secret itself was given where the name of its file belongs: set it in \
                     STRIPE_WEBHOOK_SECRET, or save it in a file and give the file's name"
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
                problems.add(format!("{VARIABLE} is not valid UTF-8"));
                return Vec::new();
            }
        },
    };
    parse(&place, &text, problems)
}

/// Whether a text contains a secret or an API key, and so must not be shown.
pub(crate) fn looks_like_a_secret(text: &str) -> bool {
    ["whsec_", "sk_live_", "sk_test_", "rk_live_", "rk_test_"].iter().any(|start| text.contains(start))
}

/// The variables in the environment whose names suggest an endpoint's secret.
fn near_misses() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| {
        let upper = name.to_ascii_uppercase();
        let holds = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        upper.contains("STRIPE") && holds(&["WEBHOOK", "ENDPOINT", "SIGNING"]) && holds(&["SECRET", "KEY"])
    })
}

/// Says that there is no secret, where to get one, and which variables may hold it under another name.
fn no_secret(needed: &str) -> String {
    let program = crate::report::format::program();
    let near = near_misses().map(|name| format!("\n- {name} is set, but is not read: is it the secret?"));
    let near: String = near.collect();
    format!(
        "no signing secret: {needed}{near}\n\
         set {VARIABLE}, or name a file with --secret-file. Where to get the secret:\n\
         - an endpoint in Stripe: Dashboard > Developers > Webhooks > the endpoint > Signing secret (whsec_…)\n\
         - the Stripe CLI: `stripe listen --print-secret`\n\
         - without Stripe: `{program} dev` generates a secret and sends itself sample events"
    )
}

/// Reads a file without its last line break, which an editor or a secret store adds.
fn read_file(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(file)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is too large for a file of secrets"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        io::Error::other(
            "it is not UTF-8 (`>` in Windows PowerShell writes UTF-16: use `Set-Content -Encoding ascii`)",
        )
    })?;
    let lines = Zeroizing::new(text.replace("\r\n", "\n"));
    Ok(Zeroizing::new(lines.strip_suffix('\n').unwrap_or(&lines).to_owned()))
}

/// Splits a text into secrets and checks each. `place` says where the text came from.
fn parse(place: &str, text: &str, problems: &mut Problems) -> Vec<Secret> {
    if let Some(mistake) = diagnostics::in_value(text) {
        problems.add(format!("{place}: {mistake}"));
        return Vec::new();
    }
    let items: Vec<&str> = text.split([',', '\n']).collect();
    if items.len() > MOST {
        problems.add(format!("{place} contains {} secrets; the maximum is {MOST}", items.len()));
        return Vec::new();
    }
    let mut secrets = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let which = if items.len() == 1 { place.to_owned() } else { format!("{place}, secret {}", at + 1) };
        if item.is_empty() && items.len() > 1 {
            problems.add(format!("{which}: it is empty: remove the extra comma or line break"));
            continue;
        }
        if items[..at].contains(item) {
            problems.add(format!("{which}: it is the same as an earlier one; remove it"));
            continue;
        }
        if let Some(mistake) = diagnostics::in_secret(item) {
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

/// Logs a warning; the server starts all the same.
#[cfg(unix)]
fn warn_if_readable_by_others(file: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let readable = std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0);
    if readable {
        warn!(
            "every user of this machine can read the secret file {}: run `chmod o-r` on it",
            file.display()
        );
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
