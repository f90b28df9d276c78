//! One setting: a row of the table, and the macro that builds the table from its rows.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Settings;
use super::origin::{Origin, Origins};
use super::value::{Kind, Typed, Value};
use crate::report::format::masked;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const MAX_KEPT: Duration = Duration::from_secs(10 * 366 * DAY.as_secs());

pub(super) const MIB: u64 = 1024 * 1024;

/// A row of the table: everything about one setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The name of the field.
    pub(crate) field: &'static str,
    pub(crate) group: Group,
    /// The environment variable, if its name does not follow from that of the field.
    pub(super) own_variable: Option<&'static str>,
    /// The text in `--help`, without the default.
    pub(crate) help: &'static str,
    /// The placeholder for its value in `--help`.
    pub(crate) value_name: &'static str,
    /// What it is in a configuration file.
    pub(crate) kind: Kind,
    /// What a text must be, to be read: the end of an error message.
    pub(super) expected: &'static str,
    /// Sets the field from text; `None` if the text cannot be read.
    pub(super) read: fn(&mut Settings, &OsStr) -> Option<()>,
    /// The field's value, whose text `read` takes.
    pub(super) typed: fn(&Settings) -> Typed,
    /// The field's value as a message shows it.
    pub(super) quoted: fn(&Settings) -> String,
    /// Fails with the range if the value is out of it.
    pub(super) check: fn(&Settings) -> Result<(), OutOfRange>,
}

/// What a setting is about, and so which commands take its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// When a start is refused: `serve`.
    Starting,
    /// How the listener encrypts: `serve`.
    Encryption,
    /// The admin pages: `serve` and `dev`.
    Admin,
    /// Who is told what needs a person: `serve`.
    Alerts,
    /// How requests are received and answered: `serve` and `dev`.
    Receiving,
    /// What a server without an inbox does: `serve`.
    Inline,
    /// How Stripe's API is asked: `serve`, and every command that asks it.
    StripeApi,
    /// Where the inbox is: every command that uses it.
    Inbox,
    /// How a server uses its inbox: `serve`.
    InboxUse,
}

impl Setting {
    /// The name as it is written in text, such as `body-limit`.
    pub(crate) fn name(&self) -> String {
        self.field.replace('_', "-")
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        let from_field = || format!("WEBHOOK_{}", self.field.to_ascii_uppercase());
        self.own_variable.map_or_else(from_field, str::to_owned)
    }

    /// The value in some settings, as text that [`read`](Self::read) takes.
    pub(crate) fn text(&self, settings: &Settings) -> String {
        self.typed(settings).text()
    }

    /// The value in some settings.
    pub(crate) fn typed(&self, settings: &Settings) -> Typed {
        (self.typed)(settings)
    }

    /// Sets the value from text. `origin` gave the text.
    ///
    /// # Errors
    ///
    /// Says what the text must be instead.
    pub(crate) fn read(&self, settings: &mut Settings, text: &OsStr, origin: &Origin) -> Result<(), String> {
        (self.read)(settings, text).ok_or_else(|| {
            let shown = masked(&text.to_string_lossy());
            format!("{} is {shown:?}: it must be {}", origin.subject(&self.name()), self.expected)
        })
    }

    /// Checks that the value is in range.
    ///
    /// # Errors
    ///
    /// Says what the value must be instead, and what to change.
    pub(super) fn check(&self, settings: &Settings, origins: &Origins) -> Result<(), String> {
        (self.check)(settings).map_err(|allowed| {
            let origin = origins.of(self, settings);
            let (subject, value) = (origin.subject(&self.name()), masked(&(self.quoted)(settings)));
            let how = if origin == Origin::Default { format!("; {}", how(self)) } else { String::new() };
            let OutOfRange { allowed, depends_on } = allowed;
            let why = depends_on.and_then(by_field).map(|other| other.is_why(settings, origins));
            format!("{subject} is {value}: it must be {allowed}{how}{}", why.unwrap_or_default())
        })
    }
}

impl Setting {
    /// A line that says that a range depends on this setting, with its value and what gave it.
    fn is_why(&self, settings: &Settings, origins: &Origins) -> String {
        let (value, origin) = (masked(&(self.quoted)(settings)), origins.of(self, settings));
        let by = match &origin {
            Origin::Default => "by default".to_owned(),
            Origin::Program => format!("set by the program as `Settings::{}`", self.field),
            Origin::File { .. } | Origin::Variable(_) | Origin::Flag(_) => format!("set by {origin}"),
        };
        format!("\nthe range depends on `{}`, which is {value} ({by})", self.name())
    }
}

/// What a value out of range must be instead, and the field on which that depends.
#[derive(Debug)]
pub(crate) struct OutOfRange {
    pub(crate) allowed: String,
    depends_on: Option<&'static str>,
}

impl From<String> for OutOfRange {
    fn from(allowed: String) -> Self {
        Self { allowed, depends_on: None }
    }
}

fn by_field(field: &str) -> Option<&'static Setting> {
    Settings::TABLE.iter().find(|setting| setting.field == field)
}

/// Says how to set a setting, which is named by its field.
pub(crate) fn how_to_set(field: &str) -> String {
    by_field(field).map(how).unwrap_or_default()
}

/// The end of a message: how to set a setting, with a command line or without.
fn how(setting: &Setting) -> String {
    format!("set {} or `Settings::{}`", setting.variable(), setting.field)
}

/// Checks that a value is in a range.
///
/// # Errors
///
/// Says what the range is.
pub(super) fn within<T: Value + PartialOrd>(value: T, range: RangeInclusive<T>) -> Result<(), OutOfRange> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("from {} to {}", range.start().text(), range.end().text()).into())
}

/// Does the same as [`within`], and checks that the value is at least that of another field.
pub(super) fn at_least<T: Value + PartialOrd + Ord + Copy>(
    value: T,
    (field, other): (&'static str, T),
    range: RangeInclusive<T>,
) -> Result<(), OutOfRange> {
    let depends_on = (value < other).then_some(field);
    within(value, other.max(*range.start())..=*range.end())
        .map_err(|OutOfRange { allowed, .. }| OutOfRange { allowed, depends_on })
}

/// Makes the struct, its defaults and the table of rows such as
/// `/// …  field: Type = default, { group: …, help: …, check: … }`, with a `value_name` if the type's own does not fit, and a
/// `variable` if its name does not begin with `WEBHOOK_`.
macro_rules! settings {
    (@value_name $type:ty, $own:literal) => { $own };
    (@variable $own:literal) => { Some($own) };
    (@variable) => { None };
    (@value_name $type:ty,) => { <$type as value::Value>::NAME };
    (
        $(#[$meta:meta])*
        pub struct $name:ident;
        $(
            $(#[$doc:meta])*
            $field:ident: $type:ty = $default:expr, {
                group: $group:ident,
                help: $help:literal,
                $(value_name: $value_name:literal,)?
                $(variable: $variable:literal,)?
                check: $check:expr,
            }
        )*
    ) => {
        $(#[$meta])*
        pub struct $name {
            $(
                $(#[$doc])*
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// All settings.
            pub(crate) const TABLE: &'static [Setting] = &[$(Setting {
                field: stringify!($field),
                group: Group::$group,
                own_variable: settings!(@variable $($variable)?),
                help: $help,
                value_name: settings!(@value_name $type, $($value_name)?),
                kind: <$type as value::Value>::KIND,
                expected: <$type as value::Value>::EXPECTED,
                read: |settings, text| {
                    settings.$field = value::Value::parse(text)?;
                    Some(())
                },
                typed: |settings| value::Value::typed(&settings.$field),
                quoted: |settings| value::Value::quoted(&settings.$field),
                check: $check,
            },)*];
        }
    };
}

pub(super) use settings;
