//! What stands where a signing secret should, and how to put it right. Nothing here shows any of it.

use webhook_core::Secret;

/// Stripe's secrets are several times as long; anything shorter is a placeholder that was never replaced.
const SHORTEST: usize = 16;

/// Stripe's secrets are random: none has a character so many times in a row.
const MOST_IN_A_ROW: usize = 5;

/// What people write where a secret will go. Looked for where there is nothing but letters, `_` and `-`.
const FILLERS: [&str; 8] = ["change", "dummy", "example", "here", "placeholder", "replace", "todo", "your"];

const PREFIX: &str = "whsec_";

/// Says what is wrong with a whole value, which might otherwise be taken for several secrets.
pub(super) fn in_value(text: &str) -> Option<&'static str> {
    Some(match text.trim() {
        trimmed if trimmed.starts_with(['[', '{']) && !trimmed.starts_with("{{") => {
            "it is JSON: give the secret itself; several are separated by commas, without brackets and quotes"
        }
        trimmed if trimmed.starts_with(is_quote) && trimmed.ends_with(is_quote) => QUOTED,
        _ => return None,
    })
}

const QUOTED: &str = "it stands in quotes, which are taken for a part of it; docker's --env-file and Kubernetes keep \
                      them, a shell does not: remove them";

/// Says why a text is no signing secret, and how to put that right.
pub(super) fn in_secret(text: &str) -> Option<String> {
    let known = before_its_characters(text).map(str::to_owned);
    let unfit = || Secret::new(text).err().map(|error| error.to_string());
    known.or_else(unfit).or_else(|| of_another_kind(text).map(str::to_owned)).or_else(|| in_random_part(text))
}

/// Mistakes that would otherwise be told by a character only.
fn before_its_characters(text: &str) -> Option<&'static str> {
    let name = text.find(PREFIX).map(|at| text[..at].trim_end());
    Some(match text {
        _ if text.starts_with('\u{feff}') => {
            "it begins with a byte order mark: save the file as UTF-8 without one (\"UTF-8\", not \"UTF-8 with BOM\")"
        }
        _ if text.trim().is_empty() => return None,
        _ if text.starts_with(is_quote) || text.ends_with(is_quote) => QUOTED,
        _ if name.is_some_and(|name| name.ends_with(['=', ':'])) => {
            "it begins with a name, as in NAME=whsec_…: give what stands behind it"
        }
        _ if text.starts_with('<') || text.contains('…') || text.contains("...") => PLACEHOLDER,
        _ if text.contains("***") || text.contains('•') => {
            "it was copied while it was hidden: reveal it first"
        }
        _ if text.starts_with(['$', '%']) || text.starts_with("{{") => {
            "it is a reference such as ${NAME}, which nothing has replaced by its value"
        }
        _ => return None,
    })
}

const PLACEHOLDER: &str = "it is a placeholder: put the endpoint's signing secret there";

/// Other things of Stripe's, or the secret in another form.
fn of_another_kind(text: &str) -> Option<&'static str> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    Some(match text {
        _ if starts(&["sk_", "rk_"]) => {
            "it is an API key, and no event is signed with one: the endpoint's signing secret begins with `whsec_`; \
             if anyone but you can read the place where it stood, roll the key in the Dashboard"
        }
        _ if starts(&["pk_"]) => {
            "it is an API key, and no event is signed with one: the endpoint's signing secret begins with `whsec_`"
        }
        _ if starts(&["we_", "wh_"]) => {
            "it is the endpoint's id: its signing secret begins with `whsec_`, and the Dashboard shows it at \
             Developers > Webhooks > the endpoint > Signing secret"
        }
        _ if starts(&["evt_", "acct_"]) => "it is an id: the endpoint's signing secret begins with `whsec_`",
        // The base64 of `whsec_`.
        _ if starts(&["d2hzZWNf"]) => "it is base64: give it decoded (`base64 --decode`)",
        _ if text.contains("://") || starts(&["arn:"]) => {
            "it is an address of a secret, which nothing has replaced by its value"
        }
        _ if text.matches(PREFIX).count() > 1 => "it is several secrets in one: separate them with commas",
        _ if !text.starts_with(PREFIX) && text.to_ascii_lowercase().starts_with(PREFIX) => {
            "it begins with `whsec_` in capitals: give it as Stripe shows it"
        }
        _ if !text.starts_with(PREFIX) => {
            "it does not begin with `whsec_`, as every endpoint's signing secret does: give it whole"
        }
        _ if text.ends_with('%') => {
            "it ends with `%`, which a shell shows where a line has no end, and which is not part of it: remove it"
        }
        _ if text.ends_with([';', '.', ':', '\\']) => {
            "it ends with a punctuation mark, which is not part of it: remove it"
        }
        _ if text.ends_with("\\n") => "it ends with `\\n`, a line break in words: remove it",
        _ => return None,
    })
}

/// What cannot be random.
fn in_random_part(text: &str) -> Option<String> {
    let random = text.strip_prefix(PREFIX).unwrap_or(text);
    let fits = |char: char| char.is_ascii_alphanumeric() || "+/=_-".contains(char);
    if let Some(at) = random.find(|char| !fits(char)) {
        let at = PREFIX.len() + at + 1;
        return Some(format!(
            "its character {at} is none of those that a secret has: letters, digits and `+ / = _ -`"
        ));
    }
    let in_a_row = random.as_bytes().chunk_by(|a, b| a == b).map(<[u8]>::len).max().unwrap_or(0);
    let in_words = random.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte));
    let lower = random.to_ascii_lowercase();
    let is_filler = in_words && FILLERS.iter().any(|filler| lower.contains(filler));
    if in_a_row > MOST_IN_A_ROW || is_filler || lower.chars().all(|char| char == 'x') && random.len() > 1 {
        return Some(PLACEHOLDER.to_owned());
    }
    (text.len() < SHORTEST)
        .then(|| format!("it has {} characters, and Stripe's have more than {SHORTEST}", text.len()))
}

fn is_quote(char: char) -> bool {
    "\"'`“”„‘’".contains(char)
}
