//! The key that Stripe's API is asked with.

mod cli_profile;
mod find;
mod form;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use hyper::header::HeaderValue;
use zeroize::Zeroizing;

pub(crate) use self::find::{Caller, Environment, FoundKey, KeyOrigin, find};
use crate::secrets::Medium;

/// A key of Stripe's API. Its text is wiped when the last copy is dropped, and is shown nowhere: `Debug` and `Display` show
/// what every key of its kind begins with.
#[derive(Clone)]
pub(crate) struct ApiKey {
    text: Arc<Zeroizing<String>>,
    beginning: &'static str,
}

/// How keys begin. (<https://docs.stripe.com/keys>) The key of an organisation comes first, because it begins as a secret
/// key does.
const BEGINNINGS: [&str; 7] =
    ["sk_org_", "sk_test_", "sk_live_", "rk_test_", "rk_live_", "rkcs_test_", "rkcs_"];

impl ApiKey {
    /// Takes a key as the Dashboard shows it.
    ///
    /// # Errors
    ///
    /// Says why the text is not a key, and how to fix it, without any part of it.
    pub(super) fn new(text: &str, medium: Medium) -> Result<Self, String> {
        match form::mistake(text, medium) {
            Some(mistake) => Err(mistake),
            None => {
                let beginning = BEGINNINGS.iter().find(|beginning| text.starts_with(**beginning));
                let text = Arc::new(Zeroizing::new(text.to_owned()));
                Ok(Self { text, beginning: beginning.copied().unwrap_or_default() })
            }
        }
    }

    /// Whether the key is of the live mode; `None` if its form does not tell.
    pub(crate) fn is_live(&self) -> Option<bool> {
        let rest = self.text.strip_prefix("sk_org_").unwrap_or(self.beginning);
        let is = |mode: &str| rest.split('_').any(|part| part == mode);
        (is("live") || is("test")).then(|| is("live"))
    }

    /// Whether the key is that of an organisation, with which each call names an account.
    pub(crate) fn needs_account(&self) -> bool {
        self.beginning == "sk_org_"
    }

    /// The value of the header `Authorization`. HTTP's own copies of it are not wiped.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", **self.text));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text from elsewhere without this key.
    pub(super) fn taken_out_of(&self, text: &str) -> String {
        text.replace(&**self.text, &self.to_string())
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.beginning)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({self})")
    }
}
