//! Parsing the arguments, and the hint for a flag that does not exist.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::Arguments;

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
    let meant = ELSEWHERE.iter().find(|(name, _)| name == flag).map(|(_, meant)| *meant);
    if let Some(meant) = meant.filter(|meant| is_flag_of(meant, arguments)) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(meant.to_owned()));
    }
    error
}

/// Whether the command that the arguments name has a flag.
fn is_flag_of(flag: &str, arguments: &[OsString]) -> bool {
    let root = Arguments::command();
    let command =
        arguments.iter().fold(&root, |command, word| command.find_subcommand(word).unwrap_or(command));
    command.get_arguments().any(|argument| argument.get_long() == flag.strip_prefix("--"))
}
