//! What the values of some settings must be, besides their ranges.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;

use super::setting::{HOUR, OutOfRange, SECOND, within};
use crate::http_client::has_usable_port;
use crate::loopback::is_loopback;

/// Checks how far a signature's time may be from now.
pub(crate) fn tolerable(tolerance: Duration) -> Result<(), OutOfRange> {
    within(tolerance, SECOND..=HOUR)
}

/// Checks one of the two settings of TLS. `other` is the name of the other one.
pub(super) fn tls(is_set: bool, has_other: bool, other: &str) -> Result<(), OutOfRange> {
    if !is_set {
        return Ok(());
    }
    let allowed = match (cfg!(feature = "tls"), has_other) {
        (true, true) => return Ok(()),
        (true, false) => format!("given together with `{other}`"),
        (false, _) => {
            "left out, because this program was built without the feature `tls` of `webhook-server`"
                .to_owned()
        }
    };
    Err(allowed.into())
}

/// Checks a setting that only a program with the client of Stripe's API can have.
pub(super) fn stripe_api(is_set: bool) -> Result<(), OutOfRange> {
    if is_set && !cfg!(feature = "stripe-api") {
        let allowed =
            "left out, because this program was built without the feature `stripe-api` of `webhook-server`";
        return Err(allowed.to_owned().into());
    }
    Ok(())
}

/// Checks that what stands in for Stripe's API is on this machine: the key is sent there.
pub(super) fn stripe_api_url(url: Option<&str>) -> Result<(), OutOfRange> {
    let Some(url) = url else { return Ok(()) };
    stripe_api(true)?;
    let parsed: Option<Uri> = url.parse().ok();
    let is_plain = parsed.is_some_and(|parsed| {
        matches!(parsed.scheme_str(), Some("http" | "https"))
            && parsed.host().is_some_and(is_loopback)
            && has_usable_port(&parsed)
            && parsed.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && parsed.path_and_query().is_none_or(|path| path == "/")
    });
    if is_plain && !url.contains('#') {
        return Ok(());
    }
    let allowed = "left out, to ask Stripe; or, for tests, a URL of a host of this machine alone, such as \
                   http://127.0.0.1:12111";
    Err(allowed.to_owned().into())
}

/// Checks the address of the admin pages: other machines reach them only with a token.
pub(super) fn admin(address: Option<SocketAddr>, has_token: bool) -> Result<(), OutOfRange> {
    match address {
        Some(address) if !address.ip().is_loopback() && !has_token => {
            let port = address.port();
            Err(format!(
                "an address of this machine alone, such as 127.0.0.1:{port}, unless `admin-token-file` is set"
            )
            .into())
        }
        _ => Ok(()),
    }
}

/// Checks that a URL has a scheme, a host and perhaps a path, and nothing else.
pub(super) fn site_url(url: &str, has_token: bool) -> Result<(), String> {
    if !has_token {
        return Err(
            "given together with `admin-token-file`: a proxy passes on everybody's requests".to_owned()
        );
    }
    let parsed: Option<Uri> = url.parse().ok();
    let is_plain = parsed.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && url.query().is_none()
            && plain_path(url.path()).is_ok()
            && !url.path().contains("//")
    });
    if is_plain && !url.contains('#') {
        return Ok(());
    }
    Err("a URL of a host and perhaps a path, such as https://ops.example.com/webhooks".to_owned())
}

/// Checks that a schema's name needs no quotes.
pub(super) fn schema_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    if starts && name.len() <= 63 && !name.starts_with("pg_") && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err("at most 63 lowercase letters, digits and `_`, and not begin with a digit or `pg_`".to_owned())
}

/// Checks that a path is as Stripe will send it.
pub(crate) fn plain_path(path: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if path.starts_with('/') && path.bytes().all(is_plain) {
        return Ok(());
    }
    Err("a `/`, followed only by letters, digits and `-._~/`, as Stripe will send it".to_owned())
}
