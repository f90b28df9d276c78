//! What is said of a key or a section that does not exist.

use webhook_core::catalog::nearest;

use super::section::KEYS;
use super::{ENDPOINT, NO_API_KEYS, NO_SECRETS, SECRET_FILE};
use crate::settings::unknown::{API_KEY, SECRET, in_file, meant};
use crate::settings::{Setting, Settings};

/// The setting that belongs neither into the section of an endpoint nor above it: a program that has sections declares its
/// endpoints, and refuses it.
const PATH: &str = "path";

/// A key outside of all sections, or a section other than an endpoint's. `what` is one of these words.
pub(super) fn at_top_level(name: &str, what: &str) -> String {
    let names: Vec<String> = Settings::TABLE.iter().map(Setting::name).collect();
    let names = || names.iter().map(|name| &**name).chain([SECRET_FILE]);
    let advice = match &*meant(name, names().chain([ENDPOINT])) {
        [SECRET] => return format!("`{name}` is not a setting\n{NO_SECRETS}"),
        [API_KEY] => return format!("`{name}` is not a setting\n{NO_API_KEYS}"),
        [] if what == "section" => {
            format!("the only sections are `[{ENDPOINT}.NAME]`; settings come before them")
        }
        [] => {
            return format!(
                "there is no {what} `{name}`\nthe settings are {}",
                names().collect::<Vec<_>>().join(", ")
            );
        }
        near => did_you_mean(near),
    };
    format!("there is no {what} `{name}`: {advice}")
}

/// A key in the section of an endpoint.
pub(super) fn in_section(name: &str) -> String {
    if name == PATH {
        return format!(
            "`{PATH}` cannot be changed in the file, because it must match what was entered in Stripe\n\
             change it in the program"
        );
    }
    let is_setting = Settings::TABLE.iter().any(|setting| setting.name() == in_file(name));
    if is_setting {
        return format!(
            "`{name}` is not a setting of an endpoint, but of the server: move it above the first section"
        );
    }
    let keys = || KEYS.into_iter().map(|(key, _)| key);
    let advice = match &*nearest(&in_file(name), keys()) {
        _ if name == SECRET => return format!("`{name}` is not a setting\n{NO_SECRETS}"),
        [] => format!("there are {}", keys().collect::<Vec<_>>().join(", ")),
        near => did_you_mean(near),
    };
    format!("an endpoint has no setting `{name}`: {advice}")
}

fn did_you_mean(near: &[&str]) -> String {
    format!("did you mean {}?", quoted(near, " or "))
}

fn quoted(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}
