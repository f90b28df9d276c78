//! Parsing the arguments, and the hint for a flag that does not exist.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::Arguments;
use crate::secrets;
use crate::secrets::looks_like_a_secret;
use crate::settings::API_KEY_VARIABLE;

/// Names that other programs give a flag, and the flag here.
const ELSEWHERE: [(&str, &str); 11] = [
    ("--addr", "--listen"),
    ("--address", "--listen"),
    ("--bind", "--listen"),
    ("--database", "--inbox"),
    ("--db", "--inbox"),
    ("--forward-to", "--to"),
    ("--host", "--listen"),
    ("--port", "--listen"),
    ("--secret", "--secret-file"),
    ("--target", "--to"),
    ("--url", "--to"),
];

/// What people write for a flag that takes an API key. There is none.
const API_KEY: [&str; 4] = ["--api-key", "--key", "--stripe-api-key", "--stripe-key"];

/// Parses the arguments. The first is the program's name.
///
/// # Errors
///
/// Fails if they are wrong, and if they ask for help or the version.
pub(super) fn parse(arguments: &[OsString]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(arguments).map_err(|error| with_better_hint(error, arguments))
}

/// Replaces clap's hint for an unknown flag, which proposes to pass the flag as a value. No value here begins with a dash.
fn with_better_hint(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    if let Some(ContextValue::StyledStrs(mut hints)) = error.remove(ContextKind::Suggested) {
        hints.retain(|hint| !hint.to_string().contains("as a value"));
        if !hints.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(hints));
        }
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    if API_KEY.contains(&&**flag) || looks_like_a_secret(flag) {
        return secret_as_argument(flag.starts_with("whsec_"));
    }
    let meant = ELSEWHERE.iter().find(|(name, _)| name == flag).map(|(_, meant)| *meant);
    if let Some(meant) = meant.filter(|meant| is_flag_of(meant, arguments)) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(meant.to_owned()));
    }
    error
}

/// Says that no secret belongs among the arguments, without repeating it. It is one of an endpoint, or an API key.
fn secret_as_argument(is_of_endpoint: bool) -> clap::Error {
    let (what, variable, flag) = if is_of_endpoint {
        ("secret", secrets::VARIABLE, "--secret-file")
    } else {
        ("API key", API_KEY_VARIABLE, "--stripe-api-key-file")
    };
    Arguments::command().error(
        ErrorKind::UnknownArgument,
        format!(
            "no argument is a secret or an API key, because every user of this machine can see it there\n\
             set {variable}, or name a file that contains the {what} with {flag}. Others may have seen it in the list of \
             processes: if so, roll it in the Dashboard"
        ),
    )
}

/// Whether the command that the arguments name has a flag.
fn is_flag_of(flag: &str, arguments: &[OsString]) -> bool {
    let root = Arguments::command();
    let command =
        arguments.iter().fold(&root, |command, word| command.find_subcommand(word).unwrap_or(command));
    command.get_arguments().any(|argument| argument.get_long() == flag.strip_prefix("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_among_the_arguments_is_not_repeated() {
        let key = "sk_live_Do8Not9Show7This";
        for (arguments, cure) in [
            (vec!["serve", "--stripe-api-key", key], "set STRIPE_API_KEY"),
            (vec!["serve", "--stripe-api-key=sk_live_Do8Not9Show7This"], "set STRIPE_API_KEY"),
            (vec!["--api-key", key], "set STRIPE_API_KEY"),
            (vec!["inbox", "list", "--stripe-key", key], "set STRIPE_API_KEY"),
            (vec!["serve", key], "set STRIPE_API_KEY"),
            (vec!["serve", "whsec_Do8Not9Show7This"], "set STRIPE_WEBHOOK_SECRET"),
            (vec!["serve", "--sk_live_Do8Not9Show7This"], "set STRIPE_API_KEY"),
        ] {
            let arguments: Vec<OsString> = ["shop"].iter().chain(&arguments).map(OsString::from).collect();
            let error = parse(&arguments).err().expect("it is refused").to_string();
            assert!(error.contains(cure) && error.contains("roll it"), "{arguments:?}: {error}");
            assert!(!error.contains("Do8Not"), "{error}");
        }
    }
}
