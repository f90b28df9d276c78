//! The settings as flags, environment variables and keys of a configuration file.
//!
//! Flags come from the table of settings (`settings.rs`). A command chooses some of them with a type that implements
//! [`Selected`], and reads their values only when it applies them, so that all wrong values are reported together.

use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::secrets::FILE_VARIABLE;
use crate::settings::{
    CONFIG_VARIABLE, Given, Group, Kind, Origin, SECRET_FILE, Setting, Settings, Sourced, Sources,
};

/// Which settings a command takes.
pub(crate) trait Selected: 'static {
    /// Whether the command needs secrets, and so takes `--secret-file`.
    const TAKES_SECRET: bool = false;

    /// Whether the command takes a setting.
    fn includes(setting: &Setting) -> bool;

    /// Whether `--help` leaves the flag out, because only the environment or the file should set it.
    fn hides(_: &Setting) -> bool {
        false
    }
}

/// All settings.
#[derive(Debug)]
pub(crate) enum Serving {}
/// How requests are received, on this machine only.
#[derive(Debug)]
pub(crate) enum Trying {}
/// Where a server listens: hidden, so that `trigger` finds the server that has the same environment and file.
#[derive(Debug)]
pub(crate) enum Triggering {}
/// Where the inbox is.
#[derive(Debug)]
pub(crate) enum Operating {}
/// Where the inbox is and, hidden, how long a server with the same environment and file keeps what is in it.
#[derive(Debug)]
pub(crate) enum Pruning {}

impl Selected for Serving {
    const TAKES_SECRET: bool = true;

    fn includes(_: &Setting) -> bool {
        true
    }
}

impl Selected for Trying {
    const TAKES_SECRET: bool = true;

    fn includes(setting: &Setting) -> bool {
        matches!(setting.group, Group::Receiving | Group::Admin)
    }
}

impl Selected for Triggering {
    const TAKES_SECRET: bool = true;

    fn includes(setting: &Setting) -> bool {
        ["listen", "path", "tls_certificate"].contains(&setting.field)
    }

    fn hides(_: &Setting) -> bool {
        true
    }
}

impl Selected for Operating {
    fn includes(setting: &Setting) -> bool {
        setting.group == Group::Inbox
    }
}

impl Selected for Pruning {
    fn includes(setting: &Setting) -> bool {
        Operating::includes(setting) || Self::hides(setting)
    }

    fn hides(setting: &Setting) -> bool {
        setting.field.starts_with("keep_")
    }
}

/// The flags of a command that takes settings: where its settings come from.
pub(crate) struct SettingFlags<S> {
    pub(crate) sources: Sources,
    selected: PhantomData<S>,
}

impl<S> fmt::Debug for SettingFlags<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.sources, f)
    }
}

/// The rows of the table that a command takes.
fn selected<S: Selected>() -> impl Iterator<Item = &'static Setting> {
    Settings::TABLE.iter().filter(|setting| S::includes(setting))
}

/// The ids of the arguments that are not in the table.
const CONFIG: &str = "config";
const SECRET: &str = "secret_file";

impl<S: Selected> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        let defaults = Settings::default();
        let file = |id: &'static str, variable: &'static str| {
            let file = Arg::new(id).env(variable).hide_env_values(true);
            file.value_name("FILE").value_parser(ValueParser::os_string())
        };
        let config = file(CONFIG, CONFIG_VARIABLE)
            .long(CONFIG)
            .help("Configuration file (TOML): settings under the names of their flags");
        let secret = file(SECRET, FILE_VARIABLE).long(SECRET_FILE).help(
            "File that contains the endpoint's signing secret. Without it, the secret is read from \
             STRIPE_WEBHOOK_SECRET, which child processes inherit",
        );
        let settings = selected::<S>().map(|setting| {
            let flag = Arg::new(setting.field)
                .long(setting.name())
                .env(setting.variable())
                // The value may contain a password.
                .hide_env_values(true)
                .value_name(setting.value_name)
                // Values are read later, so that all wrong values are reported together.
                .value_parser(ValueParser::os_string())
                .hide(S::hides(setting))
                .help(match setting.text(&defaults) {
                    default if default.is_empty() => setting.help.to_owned(),
                    default => format!("{} [default: {default}]", setting.help),
                });
            match setting.kind {
                Kind::Switch => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
                _ => flag,
            }
        });
        command.arg(config).args(settings).args(S::TAKES_SECRET.then_some(secret))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Selected> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let file = |id: &str, variable: &str| {
            let text = matches.try_get_one::<OsString>(id).ok().flatten()?;
            let origin = origin(matches, id, &id.replace('_', "-"), variable);
            Some(Sourced { value: text.into(), origin })
        };
        let given = selected::<S>().filter_map(|setting| {
            let text = matches.get_one::<OsString>(setting.field)?.clone();
            let origin = origin(matches, setting.field, &setting.name(), &setting.variable());
            Some(Given { setting, text, origin })
        });
        let sources = Sources {
            config: file(CONFIG, CONFIG_VARIABLE),
            given: given.collect(),
            secret_file: file(SECRET, FILE_VARIABLE),
            uses: S::includes,
        };
        Ok(Self { sources, selected: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What gave an argument: its flag, or else its variable.
fn origin(matches: &ArgMatches, id: &str, name: &str, variable: &str) -> Origin {
    match matches.value_source(id) {
        Some(ValueSource::EnvVariable) => Origin::Variable(variable.to_owned()),
        _ => Origin::Flag(format!("--{name}")),
    }
}
