//! The test key that a login of the Stripe CLI has left in its configuration file.
//!
//! Facts: `pkg/config/profile.go` of the Stripe CLI. A key of the live mode is never read there: it is redacted, or was put
//! there by hand.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::reload::file;

/// What a profile is called if it is not named.
const DEFAULT: &str = "default";

/// The names under which the key was kept, the present one first.
const KEYS: [&str; 3] = ["test_mode_api_key", "secret_key", "api_key"];

/// What a profile has.
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) key: Zeroizing<String>,
    /// The day on which the key expires, as in `2027-02-20`.
    pub(super) expires: Option<String>,
    pub(super) is_readable_by_others: bool,
}

/// Reads a profile of the Stripe CLI. `None` if there is no file, or no such profile unless one was named.
///
/// # Errors
///
/// Says why there is no key in it.
pub(super) fn read(config: &Path, named: Option<&str>) -> Result<Option<Profile>, String> {
    if !config.exists() && named.is_none() {
        return Ok(None);
    }
    let shown = format!("the Stripe CLI's file {}", config.display());
    let text = file::read(config).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    // The parser's message may quote the line, and so the key.
    let table = DeTable::parse(&text).map_err(|_| format!("{shown} is not TOML"))?;
    let name = named.unwrap_or(DEFAULT);
    let Some(DeValue::Table(profile)) = table.get_ref().get(name).map(|profile| profile.get_ref()) else {
        let missing = || format!("{shown} has no profile `{name}`: run `stripe login --project-name {name}`");
        return named.map_or(Ok(None), |_| Err(missing()));
    };
    let text_of = |key: &str| match profile.get(key).map(|value| value.get_ref()) {
        Some(DeValue::String(value)) if !value.is_empty() => Some(&**value),
        _ => None,
    };
    let Some(key) = KEYS.into_iter().find_map(text_of) else { return Ok(None) };
    if key.contains('*') {
        return Err(format!("{shown} has only a redacted key in the profile `{name}`: run `stripe login`"));
    }
    if !["sk_test_", "rk_test_", "rkcs_"].iter().any(|test| key.starts_with(test)) {
        return Err(format!(
            "{shown} has no test key in the profile `{name}`, and a live key is not taken from there"
        ));
    }
    Ok(Some(Profile {
        name: name.to_owned(),
        key: Zeroizing::new(key.to_owned()),
        expires: text_of("test_mode_key_expires_at").map(str::to_owned),
        is_readable_by_others: text.is_readable_by_others,
    }))
}
