//! What gave a setting its value.
//!
//! A problem begins with it, because it is what the person who reads the problem has to change.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{Setting, Settings};

/// What gave a setting its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: it is the default.
    Default,
    /// The program.
    Program,
    /// A line of the configuration file.
    File { path: Arc<Path>, line: usize },
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name.
    Flag(String),
}

/// A value, and what gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl Origin {
    /// The subject of a sentence about a setting: what to change. `name` is as in a file, such as `body-limit`.
    pub(crate) fn subject(&self, name: &str) -> String {
        match self {
            Self::Flag(given) | Self::Variable(given) => given.clone(),
            Self::File { .. } => format!("{self}: `{name}`"),
            Self::Program => format!("`Settings::{}`", name.replace('-', "_")),
            Self::Default => format!("`{name}`"),
        }
    }

    /// The beginning of a message that is not about a setting's value: the line of the configuration file, if it was one.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File { .. } => format!("{self}: "),
            _ => String::new(),
        }
    }
}

/// As `serve --check` shows it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Program => f.write_str("program"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// What gave each setting its value, as far as it was not the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// By the settings' fields.
    given: BTreeMap<&'static str, Origin>,
    /// The settings whose values could not be read.
    unread: Vec<&'static str>,
}

impl Origins {
    /// Notes what gave a setting its present value.
    pub(crate) fn note(&mut self, setting: &Setting, origin: &Origin) {
        self.given.insert(setting.field, origin.clone());
    }

    /// Notes that a setting was given a value that cannot be read: its present value is not the one that was meant.
    pub(crate) fn note_unread(&mut self, setting: &Setting) {
        self.unread.push(setting.field);
    }

    /// Whether the value that was meant for a setting, named by its field, could not be read.
    pub(crate) fn is_unread(&self, field: &str) -> bool {
        self.unread.contains(&field)
    }

    /// What gave a setting its value in these settings. A program that sets a default is not told apart from one that does
    /// not.
    pub(crate) fn of(&self, setting: &Setting, settings: &Settings) -> Origin {
        match self.given.get(setting.field) {
            Some(origin) => origin.clone(),
            None if setting.text(settings) == setting.text(&Settings::default()) => Origin::Default,
            None => Origin::Program,
        }
    }

    /// What gave a setting, named by its field, a value other than its default.
    pub(crate) fn unless_default(&self, field: &str, settings: &Settings) -> Option<Origin> {
        let setting = Settings::TABLE.iter().find(|setting| setting.field == field)?;
        Some(self.of(setting, settings)).filter(|origin| *origin != Origin::Default)
    }

    /// What gave a setting, named by its field, from outside of the program: the file, the environment or a flag.
    pub(crate) fn outside(&self, field: &str) -> Option<&Origin> {
        self.given.get(field)
    }
}
