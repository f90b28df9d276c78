//! The types of settings: how each is read and written.
//!
//! To allow a setting of another type, implement [`Value`] for it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::alerts::AlertUrl;
use crate::store::{InboxLocation, LOCATION};

/// What a value is in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string, which is read as a flag's value is.
    Text,
    /// An integer.
    Number,
    /// A boolean. Its flag can do without a value.
    Switch,
}

/// A setting's value, for people and for programs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Typed {
    /// No file.
    Nothing,
    Text(String),
    Number(u64),
    /// A number of bytes.
    Bytes(u64),
    Switch(bool),
    Time(Duration),
}

impl Typed {
    /// The value as a flag takes it. Empty for nothing.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) | Self::Bytes(number) => number.to_string(),
            Self::Switch(is_on) => is_on.to_string(),
            Self::Time(time) => of_time(*time),
        }
    }
}

/// A time in whole days if possible: months and years have no certain length.
fn of_time(time: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    match (time.as_secs() / DAY, time.as_secs() % DAY, time.subsec_nanos()) {
        (days @ 1.., 0, 0) => format!("{days}{}", if days == 1 { "day" } else { "days" }),
        _ => humantime::format_duration(time).to_string(),
    }
}

/// A type that a setting may have.
pub(super) trait Value: Sized {
    /// The placeholder for a value in `--help`.
    const NAME: &'static str;
    /// What a text must be, to be read.
    const EXPECTED: &'static str;
    /// What it is in a configuration file.
    const KIND: Kind = Kind::Text;

    /// Reads a value. `None` if the text is not what is expected.
    fn parse(text: &OsStr) -> Option<Self>;

    /// Returns the value as one of a few types, for programs that read what `--check` writes.
    fn typed(&self) -> Typed;

    /// Writes a value, so that [`parse`](Self::parse) reads it.
    fn text(&self) -> String {
        self.typed().text()
    }

    /// Writes a value for a message.
    fn quoted(&self) -> String {
        self.text()
    }
}

impl Value for SocketAddr {
    const NAME: &'static str = "ADDR:PORT";
    const EXPECTED: &'static str = "an address and a port, such as 127.0.0.1:4242";

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str()?.parse().ok()
    }

    fn typed(&self) -> Typed {
        Typed::Text(self.to_string())
    }
}

/// An address, or none.
impl Value for Option<SocketAddr> {
    const NAME: &'static str = "ADDR:PORT|off";
    const EXPECTED: &'static str = "an address and a port, such as 127.0.0.1:4243, or off";

    fn parse(text: &OsStr) -> Option<Self> {
        match text.to_str()? {
            "off" => Some(None),
            address => address.parse().ok().map(Some),
        }
    }

    fn typed(&self) -> Typed {
        Typed::Text(self.map_or_else(|| "off".to_owned(), |address| address.to_string()))
    }
}

/// A URL, or none.
impl Value for Option<String> {
    const NAME: &'static str = "URL";
    const EXPECTED: &'static str = "a URL";

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str().filter(|text| !text.is_empty()).map(|text| Some(text.to_owned()))
    }

    fn typed(&self) -> Typed {
        self.clone().map_or(Typed::Nothing, Typed::Text)
    }

    fn quoted(&self) -> String {
        format!("{:?}", self.text())
    }
}

/// A URL that holds a secret, or none.
impl Value for Option<AlertUrl> {
    const NAME: &'static str = "URL";
    const EXPECTED: &'static str = "a URL";

    fn parse(text: &OsStr) -> Option<Self> {
        // What is wrong with it is said when the settings are checked, which shows no more than its host.
        (!text.is_empty()).then(|| Some(text.to_string_lossy().into_owned().into()))
    }

    /// Without what may be secret.
    fn typed(&self) -> Typed {
        self.as_ref().map_or(Typed::Nothing, |url| Typed::Text(url.shown()))
    }

    fn quoted(&self) -> String {
        format!("{:?}", self.text())
    }
}

/// A path of a URL.
impl Value for String {
    const NAME: &'static str = "PATH";
    const EXPECTED: &'static str = "a path";

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str().map(str::to_owned)
    }

    fn typed(&self) -> Typed {
        Typed::Text(self.clone())
    }

    fn quoted(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for Duration {
    const NAME: &'static str = "TIME";
    const EXPECTED: &'static str = "a number and its unit, such as 500ms, 30s or 2m";

    fn parse(text: &OsStr) -> Option<Self> {
        humantime::parse_duration(text.to_str()?).ok()
    }

    fn typed(&self) -> Typed {
        Typed::Time(*self)
    }
}

/// A size in bytes.
impl Value for u64 {
    const NAME: &'static str = "BYTES";
    const EXPECTED: &'static str = "a number of bytes";
    const KIND: Kind = Kind::Number;

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str()?.parse().ok()
    }

    fn typed(&self) -> Typed {
        Typed::Bytes(*self)
    }

    fn quoted(&self) -> String {
        format!("{self} bytes")
    }
}

impl Value for u32 {
    const NAME: &'static str = "NUMBER";
    const EXPECTED: &'static str = "a number";
    const KIND: Kind = Kind::Number;

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str()?.parse().ok()
    }

    fn typed(&self) -> Typed {
        Typed::Number((*self).into())
    }
}

impl Value for bool {
    const NAME: &'static str = "BOOL";
    const EXPECTED: &'static str = "true or false";
    const KIND: Kind = Kind::Switch;

    fn parse(text: &OsStr) -> Option<Self> {
        text.to_str()?.parse().ok()
    }

    fn typed(&self) -> Typed {
        Typed::Switch(*self)
    }
}

/// A file, or none.
impl Value for Option<PathBuf> {
    const NAME: &'static str = "FILE";
    const EXPECTED: &'static str = "a file's name";

    fn parse(text: &OsStr) -> Option<Self> {
        // An empty variable is one that was never filled in: taken as "none", it would turn encryption off.
        (!text.is_empty()).then(|| Some(text.into()))
    }

    fn typed(&self) -> Typed {
        self.as_ref().map_or(Typed::Nothing, |file| Typed::Text(file.display().to_string()))
    }

    fn quoted(&self) -> String {
        format!("{:?}", self.text())
    }
}

impl Value for InboxLocation {
    const NAME: &'static str = "FILE|URL";
    const EXPECTED: &'static str = LOCATION;

    fn parse(text: &OsStr) -> Option<Self> {
        let location = Self::of(text);
        // What is wrong with the URL of a database is said when the settings are checked.
        (matches!(location, Self::Postgres(_)) || location.check().is_ok()).then_some(location)
    }

    /// Without a password.
    fn typed(&self) -> Typed {
        Typed::Text(self.shown())
    }

    fn quoted(&self) -> String {
        format!("{:?}", self.shown())
    }
}
