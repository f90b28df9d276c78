//! What becomes of events in an API version that the program was not made for.

use std::ffi::OsStr;

use super::value::{Typed, Value};

/// What becomes of events in an API version that the program was not made for: one whose Cargo feature is not enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownVersion {
    /// They are handled, since a view reads only its own fields, and the log says so once an hour.
    #[default]
    Warn,
    /// Their tasks are parked before they run. Without an inbox, they are answered as undecodable events are.
    Park,
}

impl Value for UnknownVersion {
    const NAME: &'static str = "warn|park";
    const EXPECTED: &'static str = "warn or park";

    fn parse(text: &OsStr) -> Option<Self> {
        [Self::Warn, Self::Park].into_iter().find(|value| value.name() == text)
    }

    fn typed(&self) -> Typed {
        Typed::Text(self.name().to_owned())
    }
}

impl UnknownVersion {
    fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Park => "park",
        }
    }
}
