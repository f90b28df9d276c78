//! The environment variables whose names begin with `WEBHOOK_`: each must be a known setting.
//!
//! A misspelt variable would otherwise be ignored silently, and the server would run with a default.

use std::ffi::OsString;

use super::origin::Origin;
use super::sources::{CONFIG_VARIABLE, Given, SECRET_FILE, named};
use super::unknown::{API_KEY, SECRET, meant};
use super::{Setting, Settings};
use crate::problems::Problems;
use crate::report::format::masked;
use crate::secrets;
use crate::secrets::looks_like_a_secret;

const PREFIX: &str = "WEBHOOK_";

/// The variable that holds the key of Stripe's API.
pub(crate) const API_KEY_VARIABLE: &str = "STRIPE_API_KEY";

/// The variable that names the file that contains it.
const API_KEY_FILE_VARIABLE: &str = "STRIPE_API_KEY_FILE";

/// The variables that name files. Any text is a valid file name, so white space at the ends is checked here.
const FILES: [&str; 4] = ["WEBHOOK_INBOX", CONFIG_VARIABLE, secrets::FILE_VARIABLE, API_KEY_FILE_VARIABLE];

/// Reports every variable that would be ignored, and every file name that is surely a mistake.
pub(crate) fn check(problems: &mut Problems) {
    let known = known();
    // A value matters only for recognising an orchestrator's variable.
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, value)| unknown(&name.into_string().ok()?, &value, &known))
        .collect();
    unknown.sort();
    unknown.into_iter().for_each(|problem| problems.add(problem));
    for name in FILES {
        let Ok(value) = std::env::var(name) else { continue };
        if value.trim() != value && !looks_like_a_secret(&value) {
            let shown = masked(&value);
            problems.add(format!("{name} is {shown:?}: it begins or ends with white space; remove it"));
        }
    }
}

/// The settings that the environment gives.
pub(super) fn given() -> Vec<Given> {
    let given = Settings::TABLE.iter().filter_map(|setting| {
        let name = setting.variable();
        Some(Given { setting, text: std::env::var_os(&name)?, origin: Origin::Variable(name) })
    });
    given.collect()
}

/// All variables that a program reads, sorted.
fn known() -> Vec<String> {
    let mut names: Vec<String> = Settings::TABLE.iter().map(Setting::variable).collect();
    names.extend([CONFIG_VARIABLE, secrets::FILE_VARIABLE].map(str::to_owned));
    names.sort();
    names
}

/// Says what is wrong with a variable; `None` if it is known, or is not for this server.
fn unknown(name: &str, value: &OsString, known: &[String]) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let ours = upper.strip_prefix(PREFIX)?;
    if known.iter().any(|known| known == name) || is_of_an_orchestrator(ours, value.to_str().unwrap_or("")) {
        return None;
    }
    let names: Vec<String> = Settings::TABLE.iter().map(Setting::name).collect();
    let names = names.iter().map(|name| &**name).chain(["config", SECRET_FILE]);
    let near: Vec<String> = meant(ours, names).into_iter().map(variable).collect();
    let (advice, settings) = match &*near {
        [] => {
            let known: Vec<_> =
                known.iter().filter(|known| known.starts_with(PREFIX)).map(|it| &**it).collect();
            (String::new(), format!("\nthe settings are {}", known.join(", ")))
        }
        near => (format!(": did you mean {}?", near.join(" or ")), String::new()),
    };
    Some(format!(
        "{name} is set, but there is no such setting{advice}\n\
         a variable that is not for this server must not begin with {PREFIX}{settings}"
    ))
}

/// The variable for what has this name in a file.
fn variable(name: &str) -> String {
    match name {
        SECRET => secrets::VARIABLE.to_owned(),
        SECRET_FILE => secrets::FILE_VARIABLE.to_owned(),
        API_KEY => API_KEY_VARIABLE.to_owned(),
        name => named(name).map_or_else(
            || format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_")),
            Setting::variable,
        ),
    }
}

/// Whether Kubernetes or Docker set this variable to announce a service whose name begins with `webhook`. `name` is the
/// variable's name without `WEBHOOK_`.
///
/// Sources: <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>,
/// <https://docs.docker.com/engine/network/links/#environment-variables>.
fn is_of_an_orchestrator(name: &str, value: &str) -> bool {
    let is_url = || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let words: Vec<&str> = name.split('_').collect();
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let of_a_port = words.windows(3).any(|words| {
        words[0] == "PORT" && is_number(&words[1]) && ["TCP", "UDP", "SCTP"].contains(&words[2])
    });
    let of_a_service =
        words.windows(2).any(|words| words == ["SERVICE", "HOST"] || words == ["SERVICE", "PORT"]);
    of_a_port
        || of_a_service
        || words.last() == Some(&"PORT") && is_url()
        || words.last() == Some(&"NAME") && value.starts_with('/')
        || words.first() == Some(&"ENV")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orchestrators_set_for_a_service_called_webhook_is_let_be() {
        let known = known();
        for (name, value) in [
            ("WEBHOOK_SERVICE_HOST", "10.0.0.11"),
            ("WEBHOOK_SERVICE_PORT", "80"),
            ("WEBHOOK_SERVICE_PORT_HTTP", "80"),
            ("WEBHOOK_PORT", "tcp://10.0.0.11:80"),
            ("WEBHOOK_PORT_80_TCP", "tcp://10.0.0.11:80"),
            ("WEBHOOK_PORT_80_TCP_PROTO", "tcp"),
            ("WEBHOOK_PORT_80_TCP_PORT", "80"),
            ("WEBHOOK_PORT_80_TCP_ADDR", "10.0.0.11"),
            ("WEBHOOK_STRIPE_SERVICE_HOST", "10.0.0.11"),
            ("WEBHOOK_STRIPE_PORT_53_UDP", "udp://10.0.0.11:53"),
            ("WEBHOOK_NAME", "/shop/webhook"),
            ("WEBHOOK_ENV_PATH", "/usr/bin"),
            ("WEBHOOK_LISTEN", "127.0.0.1:1"),
            ("NOT_WEBHOOK_TOLERANSE", "1"),
        ] {
            assert_eq!(unknown(name, &value.into(), &known), None, "{name}");
        }
    }
}
