//! The settings as flags and environment variables.
//!
//! Flags come from the table of settings (`settings.rs`). A command chooses some of them with a type that implements
//! [`Selected`], and reads their values only when it applies them, so that all wrong values are reported together.

use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::problems::Problems;
use crate::secrets::{FILE_VARIABLE, Source};
use crate::settings::{Group, Setting, Settings};

/// The flags of `serve`.
#[derive(Args, Debug)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) listening: ListeningFlags,
    #[command(flatten)]
    pub(crate) inline: InlineFlags,
    #[command(flatten)]
    pub(crate) inbox_use: InboxUseFlags,
    #[command(flatten)]
    pub(crate) inbox: InboxFlags,
    #[command(flatten)]
    pub(crate) secret: SecretFlag,
}

impl Flags {
    /// Applies flags and environment to the program's settings, and reports every value that cannot be read.
    pub(crate) fn apply(&self, settings: &mut Settings, problems: &mut Problems) {
        self.listening.apply(settings, problems);
        self.inline.apply(settings, problems);
        self.inbox_use.apply(settings, problems);
        self.inbox.apply(settings, problems);
    }
}

/// How requests are received and answered.
pub(crate) type ListeningFlags = SettingFlags<Listening>;
/// What a server without an inbox does.
pub(crate) type InlineFlags = SettingFlags<Inline>;
/// How a server uses its inbox.
pub(crate) type InboxUseFlags = SettingFlags<InboxUse>;
/// Where the inbox is.
pub(crate) type InboxFlags = SettingFlags<Inbox>;
/// Hidden as flags: `inbox prune` uses the same environment variables as the server.
pub(crate) type RetentionVariables = SettingFlags<Retention>;
/// Hidden as flags: `trigger` uses the same environment variables as the server.
pub(crate) type AddressVariables = SettingFlags<Address>;

/// The file that contains the signing secret, unless the environment contains it.
#[derive(Args, Debug)]
pub(crate) struct SecretFlag {
    /// File that contains the endpoint's signing secret. Without it, the secret is read from STRIPE_WEBHOOK_SECRET, which
    /// child processes inherit
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    pub(crate) secret_file: Option<PathBuf>,
}

impl SecretFlag {
    /// Where the secrets are read.
    pub(crate) fn sources(&self) -> [Source; 1] {
        [Source::undeclared(self.secret_file.as_deref())]
    }
}

/// Which settings a command takes.
pub(crate) trait Selected: 'static {
    /// Whether `--help` leaves the flags out, because only the environment should set them.
    const IS_HIDDEN: bool = false;

    /// Whether the command takes a setting.
    fn includes(setting: &Setting) -> bool;
}

#[derive(Debug)]
pub(crate) enum Listening {}
#[derive(Debug)]
pub(crate) enum Inline {}
#[derive(Debug)]
pub(crate) enum InboxUse {}
#[derive(Debug)]
pub(crate) enum Inbox {}
#[derive(Debug)]
pub(crate) enum Retention {}
#[derive(Debug)]
pub(crate) enum Address {}

impl Selected for Listening {
    fn includes(setting: &Setting) -> bool {
        setting.group == Group::Receiving
    }
}

impl Selected for Inline {
    fn includes(setting: &Setting) -> bool {
        setting.group == Group::Inline
    }
}

impl Selected for InboxUse {
    fn includes(setting: &Setting) -> bool {
        setting.group == Group::InboxUse
    }
}

impl Selected for Inbox {
    fn includes(setting: &Setting) -> bool {
        setting.group == Group::Inbox
    }
}

impl Selected for Retention {
    const IS_HIDDEN: bool = true;

    fn includes(setting: &Setting) -> bool {
        setting.field.starts_with("keep_")
    }
}

impl Selected for Address {
    const IS_HIDDEN: bool = true;

    fn includes(setting: &Setting) -> bool {
        ["listen", "path"].contains(&setting.field)
    }
}

/// The selected settings as flags and environment variables, and the values that were given.
pub(crate) struct SettingFlags<S> {
    /// The settings that were given, and their texts. A flag has replaced its variable.
    given: Vec<(&'static Setting, OsString)>,
    selected: PhantomData<S>,
}

impl<S> SettingFlags<S> {
    /// Whether a setting, named by its field, was given.
    pub(crate) fn gives(&self, field: &str) -> bool {
        self.given.iter().any(|(setting, _)| setting.field == field)
    }

    /// Applies flags and environment to the program's settings, noting every value that cannot be read.
    pub(crate) fn apply(&self, settings: &mut Settings, problems: &mut Problems) {
        for (setting, text) in &self.given {
            if let Err(problem) = setting.read(settings, text) {
                problems.add(problem);
            }
        }
    }
}

impl<S> fmt::Debug for SettingFlags<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.given.iter().map(|(setting, text)| (setting.field, text))).finish()
    }
}

/// The rows of the table that a command takes.
fn selected<S: Selected>() -> impl Iterator<Item = &'static Setting> {
    Settings::TABLE.iter().filter(|setting| S::includes(setting))
}

impl<S: Selected> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        let defaults = Settings::default();
        command.args(selected::<S>().map(|setting| {
            let flag = Arg::new(setting.field)
                .long(setting.name())
                .env(setting.variable())
                .value_name(setting.value_name)
                // Values are read later, so that all wrong values are reported together.
                .value_parser(ValueParser::os_string())
                .hide(S::IS_HIDDEN)
                .help(format!("{} [default: {}]", setting.help, setting.text(&defaults)));
            match setting.is_switch {
                true => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
                false => flag,
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Selected> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = selected::<S>()
            .filter_map(|setting| Some((setting, matches.get_one::<OsString>(setting.field)?.clone())));
        Ok(Self { given: given.collect(), selected: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
