//! What Stripe says in an answer that is not a success.

use serde_json::Value;

use crate::report::format::printable;
use crate::stripe::key::ApiKey;

/// The maximum length of a message, in characters.
const LONGEST: usize = 600;

/// How keys, tokens and secrets begin.
const SECRETS: [&str; 8] = ["sk_", "rk_", "pk_", "rkcs_", "oak_", "uak_", "whsec_", "Bearer "];

/// What Stripe says of an error.
#[derive(Debug)]
pub(in crate::stripe) struct Told {
    pub(in crate::stripe) kind: Option<String>,
    pub(in crate::stripe) code: Option<String>,
    pub(in crate::stripe) param: Option<String>,
    pub(in crate::stripe) message: Option<String>,
}

impl Told {
    /// Reads the body of an answer. `None` if it is not Stripe's. If it contains the key, which it should not, that is left out.
    pub(in crate::stripe) fn read(body: &[u8], key: &ApiKey) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get("error")?.as_object()?;
        let text = |name: &str| error.get(name)?.as_str().map(|text| without_key(text, key));
        let told =
            Self { kind: text("type"), code: text("code"), param: text("param"), message: text("message") };
        (told.kind.is_some() || told.code.is_some() || told.message.is_some()).then_some(told)
    }

    /// The permissions that the message names, each once.
    pub(super) fn permissions(&self) -> Vec<String> {
        let mut names = Vec::new();
        let message = self.message.as_deref().unwrap_or_default();
        for word in message.split(|char: char| !char.is_ascii_alphanumeric() && char != '_') {
            if word.starts_with("rak_") && !names.iter().any(|name| name == word) {
                names.push(word.to_owned());
            }
        }
        names
    }
}

/// The beginning of a text from elsewhere, without what could steer a terminal, and without the key and what may be another.
pub(in crate::stripe) fn without_key(text: &str, key: &ApiKey) -> String {
    let text = key.taken_out_of(text);
    let end = text.char_indices().nth(LONGEST);
    redacted(&printable(end.map_or(&*text, |(end, _)| &text[..end])))
}

/// A text without what may be a key or a secret.
fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((at, beginning)) = next_secret(rest) {
        let after = at + beginning.len();
        shown.push_str(&rest[..after]);
        shown.push('…');
        let is_part = |char: char| char.is_ascii_alphanumeric() || "_*.…-+/=".contains(char);
        rest = rest[after..].trim_start_matches(is_part);
    }
    shown + rest
}

/// Where the first secret begins, and how: at the beginning of a word.
fn next_secret(text: &str) -> Option<(usize, &'static str)> {
    let begins_word = |at: usize| !text[..at].ends_with(|char: char| char.is_ascii_alphanumeric());
    let first = |beginning: &'static str| {
        text.match_indices(beginning).map(|(at, _)| at).find(|at| begins_word(*at)).map(|at| (at, beginning))
    };
    SECRETS.into_iter().filter_map(first).min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Medium;

    fn key() -> ApiKey {
        ApiKey::new("rk_test_0123456789", Medium::Variable).expect("it has the form of a key")
    }

    #[test]
    fn what_may_be_a_key_is_left_out() {
        for (text, shown) in [
            ("Invalid API Key provided: sk_test_****1234", "Invalid API Key provided: sk_…"),
            ("key 'rk_live_geheim' and sk_live_geheim.", "key 'rk_…' and sk_…"),
            ("Authorization: Bearer geheim, whsec_geheim", "Authorization: Bearer …, whsec_…"),
            ("the risk_score of task_1", "the risk_score of task_1"),
            ("rk_live_geheimé", "rk_…é"),
            ("sk_", "sk_…"),
            ("", ""),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    #[test]
    fn permissions_are_found_in_the_message() {
        let message = "The provided key 'rk_test_***' does not have the required permissions for this endpoint. Having the \
                       'rak_webhook_write' permission, or rak_event_read and rak_webhook_write, would allow this.";
        let body = serde_json::json!({ "error": { "message": message } }).to_string();
        let told = Told::read(body.as_bytes(), &key()).expect("it is Stripe's");
        assert_eq!(told.permissions(), ["rak_webhook_write", "rak_event_read"]);
    }

    #[test]
    fn what_is_not_of_stripe_is_told_apart() {
        for body in
            ["", "<html>", "[]", "{}", r#"{"error":"no"}"#, r#"{"error":{}}"#, r#"{"error":{"code":1}}"#]
        {
            assert!(Told::read(body.as_bytes(), &key()).is_none(), "{body}");
        }
    }
}
