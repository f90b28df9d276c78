//! What the reader of a message can use to change a setting.

use super::Settings;

/// How a program is configured, and so what a message may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interface {
    /// With flags and the environment; the program has commands.
    CommandLine,
    /// With the environment and in the program, which has no command line of ours.
    #[default]
    Library,
}

impl Interface {
    /// What sets a setting, which is named by its field.
    #[cfg_attr(
        not(feature = "sqlite"),
        allow(dead_code, reason = "only problems of an inbox name settings so")
    )]
    pub(crate) fn to_set(self, field: &str) -> String {
        let Some(setting) = Settings::TABLE.iter().find(|setting| setting.field == field) else {
            return field.to_owned();
        };
        match self {
            Self::CommandLine => format!("--{} (or {})", setting.name(), setting.variable()),
            Self::Library => format!("{} or `Settings::{field}`", setting.variable()),
        }
    }
}
