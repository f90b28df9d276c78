//! Errors, durations and reasons as text, for the log and the terminal.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use crate::secrets::looks_like_a_secret;
use crate::store::ParkReason;

/// Joins an error and its sources with colons. A source that the text before it ends with is left out: some libraries, such
/// as sqlx, repeat their sources in their messages.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let told = error.to_string();
        if !text.ends_with(&told) {
            let _ = write!(text, ": {told}");
        }
        source = error.source();
    }
    text
}

/// Replaces what could steer a terminal, and what nobody sees: the text comes from others.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|char| if is_unseen(char) { '\u{fffd}' } else { char }).collect()
}

/// Whether a character is not seen itself: it controls a terminal, steers the direction of writing, or is invisible.
pub(crate) fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The beginning of a field that Stripe keeps short, in case that it is not. Unlike an event's id and type, it is stored and
/// logged whatever it contains.
pub(crate) fn shortened(text: &Option<String>) -> Option<&str> {
    let text = text.as_deref()?;
    Some(text.char_indices().nth(64).map_or(text, |(end, _)| &text[..end]))
}

/// A setting's text without the password of a URL, and without a secret that was given in its place. The text may be one that
/// was meant to be a URL: what could be a password is left out.
pub(crate) fn masked(text: &str) -> String {
    if looks_like_a_secret(text) {
        return "…".to_owned();
    }
    if let Some(text) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return format!("\"{}\"", masked(text));
    }
    let login_at = login_at(text);
    if let Some((start, value)) = text.split_once("password=") {
        // Outside of a URL, nothing says where the password ends.
        let rest = value.split_once('&').filter(|_| login_at.is_some());
        let rest = rest.map(|(_, rest)| format!("&{}", masked_parameters(rest))).unwrap_or_default();
        return format!("{}password=…{rest}", masked(start));
    }
    let Some((scheme, rest)) = login_at.map(|at| text.split_at(at)) else { return text.to_owned() };
    let (login, rest) =
        rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(masked_login(login)), rest));
    let (address, parameters) = rest.split_once('?').map_or((rest, None), |(it, them)| (it, Some(them)));
    let address = match login {
        Some(login) => format!("{login}@{address}"),
        None if ports_are_numbers(address) => address.to_owned(),
        None => masked_login(address),
    };
    let parameters = parameters.map(|them| format!("?{}", masked_parameters(them))).unwrap_or_default();
    format!("{scheme}{address}{parameters}")
}

/// Where the login begins in a URL, or in what looks like one of PostgreSQL.
fn login_at(text: &str) -> Option<usize> {
    let of_postgres = || text.trim_start().to_ascii_lowercase().starts_with("postgres");
    let after_scheme = text.find("://").map(|at| at + 3);
    after_scheme.or_else(|| text.find(':').filter(|_| of_postgres()).map(|at| at + 1))
}

fn masked_login(login: &str) -> String {
    format!("{}:…", login.split(':').next().unwrap_or_default())
}

/// Whether what follows the hosts' colons are ports. Without an `@`, it may be the password of a URL that lacks the rest.
fn ports_are_numbers(address: &str) -> bool {
    let hosts = address.split('/').next().unwrap_or_default();
    hosts.split(',').filter(|host| !host.starts_with('[')).all(|host| {
        host.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The parameters of a URL. Only those that are known to contain no password are shown with their values.
fn masked_parameters(parameters: &str) -> String {
    const SHOWN: [&str; 9] = [
        "application_name",
        "channel_binding",
        "host",
        "options",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    ];
    let masked = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if SHOWN.contains(&name) => parameter.to_owned(),
        Some((name, _)) => format!("{name}=…"),
        None if parameter.is_empty() => String::new(),
        None => "…".to_owned(),
    });
    masked.collect::<Vec<_>>().join("&")
}

/// Formats a duration, rounded up to milliseconds.
pub(crate) fn rounded(duration: Duration) -> humantime::FormattedDuration {
    let millis = duration.as_micros().div_ceil(1000);
    humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reason why a task is parked.
pub(crate) fn parked_because(reason: ParkReason) -> &'static str {
    match reason {
        ParkReason::Asked => "the handler asked for it",
        ParkReason::Exhausted => "the last attempt failed",
        ParkReason::Poison => "it ended the process three times",
        ParkReason::NoHandler => "the program has no such handler",
        ParkReason::Undecodable => "the event does not fit the handler's type",
    }
}

/// The name by which this program was called, for examples in messages.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "app".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked() {
        for (text, shown) in [
            ("webhook-inbox.db", "webhook-inbox.db"),
            ("postgres://shop@db/shop", "postgres://shop:…@db/shop"),
            ("postgres://shop:geheim@db:5432/shop", "postgres://shop:…@db:5432/shop"),
            ("postgres://shop:ge/h@im@db/shop?sslmode=require", "postgres://shop:…@db/shop?sslmode=require"),
            ("postgres://db/shop?password=geheim&user=shop", "postgres://db/shop?password=…&user=shop"),
            ("postgres://db/shop?password=ge@heim", "postgres://db/shop?password=…"),
            ("postgres://db/shop?passwrd=geheim&user=shop", "postgres://db/shop?passwrd=…&user=shop"),
            ("postgres://db/shop?password=ge&heim", "postgres://db/shop?password=…&…"),
            ("postgres://shop:geheim", "postgres://shop:…"),
            ("postgres://db1:5432,db2:5433/shop", "postgres://db1:5432,db2:5433/shop"),
            ("postgres://[::1]:5432/shop", "postgres://[::1]:5432/shop"),
            ("postgres:shop:geheim@db/shop", "postgres:shop:…@db/shop"),
            (" Postgres:/shop:geheim@db/shop", " Postgres:/shop:…@db/shop"),
            ("postgres.db", "postgres.db"),
            ("\"postgres://db/shop?passwrd=geheim\"", "\"postgres://db/shop?passwrd=…\""),
            ("host=db password=geheim", "host=db password=…"),
            ("password='ge & heim' host=db", "password=…"),
            ("x whsec_0123456789abcdef", "…"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn what_nobody_sees_is_replaced() {
        assert_eq!(printable("a\u{1b}[2J\nb\u{202e}c\u{200b}d\u{e0041} é 日本"), "a�[2J�b�c�d� é 日本");
    }
}
