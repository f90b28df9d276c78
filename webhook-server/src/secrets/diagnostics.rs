//! Recognises what was given instead of a signing secret, and says how to fix it. No message contains any part of it.
//!
//! A wrong secret would otherwise be noticed only when every request is refused, with nothing to tell why.

use webhook_core::Secret;

/// The minimum length. Stripe's secrets are several times as long; anything shorter is a placeholder.
const SHORTEST: usize = 16;

/// The maximum length of a run of one character. Stripe's secrets and keys are random and have no longer run.
const MOST_IN_A_ROW: usize = 5;

/// Words of placeholders. They count only in a text of letters, `_` and `-` alone.
const FILLERS: [&str; 8] = ["change", "dummy", "example", "here", "placeholder", "replace", "todo", "your"];

const PREFIX: &str = "whsec_";

/// Where a secret is given. What helps depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Variable,
    File,
}

/// Says what is wrong with a whole value that would otherwise be split into several secrets.
pub(super) fn in_value(text: &str, medium: Medium) -> Option<&'static str> {
    Some(match text.trim() {
        trimmed if trimmed.starts_with(['[', '{']) && !trimmed.starts_with("{{") => {
            "it is JSON: give the secret itself, without brackets and quotes; separate several secrets with commas"
        }
        trimmed if trimmed.starts_with(is_quote) && trimmed.ends_with(is_quote) => medium.quoted(),
        _ => return None,
    })
}

impl Medium {
    pub(crate) fn quoted(self) -> &'static str {
        match self {
            Self::Variable => {
                "it is in quotes, which count as part of it: remove them\n\
                 (a shell removes quotes, but docker's `--env-file` and Kubernetes keep them)"
            }
            Self::File => "it is in quotes, which count as part of it: remove them",
        }
    }

    pub(crate) fn marked(self) -> &'static str {
        match self {
            Self::Variable => {
                "it begins with a byte order mark, which cannot be seen: it was read from a file that was saved as \
                 \"UTF-8 with BOM\"; save that file as \"UTF-8\""
            }
            Self::File => {
                "it begins with a byte order mark: save the file as UTF-8 without one (\"UTF-8\", not \"UTF-8 with BOM\")"
            }
        }
    }
}

/// Says why a text is not a signing secret, and how to fix it.
pub(super) fn in_secret(text: &str, medium: Medium) -> Option<String> {
    let known = before_its_characters(text, medium).map(str::to_owned);
    let unfit = || Secret::new(text).err().map(|error| error.to_string());
    known.or_else(unfit).or_else(|| of_another_kind(text).map(str::to_owned)).or_else(|| in_random_part(text))
}

/// Mistakes that would otherwise be reported as an invalid character.
fn before_its_characters(text: &str, medium: Medium) -> Option<&'static str> {
    let name = text.find(PREFIX).map(|at| text[..at].trim_end());
    Some(match text {
        _ if text.starts_with('\u{feff}') => medium.marked(),
        _ if text.starts_with(is_quote) || text.ends_with(is_quote) => medium.quoted(),
        _ if name.is_some_and(|name| name.ends_with(['=', ':'])) => {
            "it begins with a name, as in NAME=whsec_…: give only the value\n\
             (a label has one space behind it, and nothing else)"
        }
        _ if is_placeholder(text) => PLACEHOLDER,
        _ if is_masked(text) => "it was copied while it was masked: reveal it first",
        _ if is_reference(text) => REFERENCE,
        _ if text.split_once(' ').is_some_and(|(word, secret)| {
            !word.is_empty() && !word.contains(PREFIX) && secret.starts_with(PREFIX)
        }) =>
        {
            "it begins with a word that is not a label\n\
             a label has 1 to 32 small letters, digits and `- . _`, and one space behind it"
        }
        _ if text.trim_matches(' ').contains(' ') => {
            "it contains a space: separate several secrets with commas or line breaks; a label is before its secret"
        }
        _ => return None,
    })
}

const PLACEHOLDER: &str = "it is a placeholder: replace it with the endpoint's signing secret";

/// Another value from Stripe, or the secret in another form.
fn of_another_kind(text: &str) -> Option<&'static str> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    Some(match text {
        _ if starts(&["sk_", "rk_"]) => {
            "it is an API key, which does not sign events\n\
             give the endpoint's signing secret, which begins with `whsec_`; if others could read the key here, roll it in \
             the Dashboard"
        }
        _ if starts(&["pk_"]) => {
            "it is an API key, which does not sign events: give the endpoint's signing secret, which begins with \
             `whsec_`"
        }
        _ if starts(&["we_", "wh_"]) => {
            "it is the endpoint's id\n\
             give its signing secret, which begins with `whsec_`; the Dashboard shows it under Developers > Webhooks > the \
             endpoint > Signing secret"
        }
        _ if starts(&["evt_", "acct_"]) => {
            "it is an id: give the endpoint's signing secret, which begins with `whsec_`"
        }
        // The base64 of `whsec_`.
        _ if starts(&["d2hzZWNf"]) => "it is encoded as base64: decode it (`base64 --decode`)",
        _ if text.contains("://") || starts(&["arn:"]) => {
            "it is the address of a secret, not the secret itself"
        }
        _ if text.matches(PREFIX).count() > 1 => "it is several secrets in one: separate them with commas",
        _ if !text.starts_with(PREFIX) && text.to_ascii_lowercase().starts_with(PREFIX) => {
            "it begins with `whsec_` in capitals: copy it exactly as Stripe shows it"
        }
        _ if !text.starts_with(PREFIX) => {
            "it does not begin with `whsec_`, as every signing secret does: copy all of it"
        }
        _ if text.ends_with('%') => {
            "it ends with `%`, which some shells print if the output lacks a line break: remove it"
        }
        _ if text.ends_with([';', '.', ':', '\\']) => {
            "it ends with a punctuation mark, which is not part of it: remove it"
        }
        _ if text.ends_with("\\n") => {
            "it ends with the two characters `\\n`, not with a line break: remove them"
        }
        _ => return None,
    })
}

/// Says why the part after the prefix cannot be random text.
fn in_random_part(text: &str) -> Option<String> {
    let random = text.strip_prefix(PREFIX).unwrap_or(text);
    let fits = |char: char| char.is_ascii_alphanumeric() || "+/=_-".contains(char);
    if let Some(at) = random.find(|char| !fits(char)) {
        let at = PREFIX.len() + at + 1;
        return Some(format!(
            "its character {at} is invalid: a secret contains only letters, digits and `+ / = _ -`"
        ));
    }
    let in_words = random.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte));
    let lower = random.to_ascii_lowercase();
    let is_filler = in_words && FILLERS.iter().any(|filler| lower.contains(filler));
    if has_a_long_run(random) || is_filler || lower.chars().all(|char| char == 'x') && random.len() > 1 {
        return Some(PLACEHOLDER.to_owned());
    }
    (text.len() < SHORTEST).then(|| format!("it has only {} characters: copy all of it", text.len()))
}

// How any value from Stripe may have been written down: an API key, too.

/// What is said of a reference.
pub(crate) const REFERENCE: &str = "it is a reference such as ${NAME} that was never replaced with its value";

/// Whether a text is a reference to a variable.
pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with(['$', '%']) || text.starts_with("{{")
}

/// Whether a text stands for a value that was to be filled in.
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.starts_with('<') || text.contains('…') || text.contains("...")
}

/// Whether a text is what is shown in place of the value.
pub(crate) fn is_masked(text: &str) -> bool {
    text.contains("***") || text.contains('•')
}

/// Whether one character is repeated more often than in a random text.
pub(crate) fn has_a_long_run(text: &str) -> bool {
    text.as_bytes().chunk_by(|a, b| a == b).any(|run| run.len() > MOST_IN_A_ROW)
}

pub(crate) fn is_quote(char: char) -> bool {
    "\"'`“”„‘’".contains(char)
}
