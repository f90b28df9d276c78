//! The wire form of the store's types: one name for each state, reason and outcome.
//!
//! What an operator reads (`store/rows.rs`) derives its wire form where it is defined, since it exists for nothing else.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::{AttemptOutcome, ParkReason, State};

/// A value with a name that commands read and answers write.
pub(crate) trait Named: Copy + 'static {
    /// What it is, for a message.
    const WHAT: &'static str;
    /// Every value, in the order in which help texts list them.
    const ALL: &'static [Self];

    /// Returns the name, as flags, JSON and the socket write it.
    fn name(self) -> &'static str;

    /// Finds the value with a name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

/// Names the values of a type, and gives it these names as its wire form.
macro_rules! named {
    ($type:ident, $what:literal, $($value:ident = $name:literal),+ $(,)?) => {
        impl Named for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                let unknown = || D::Error::invalid_value(Unexpected::Str(&name), &Self::WHAT);
                Self::named(&name).ok_or_else(unknown)
            }
        }
    };
}

named! {
    State, "a state",
    Ready = "ready", Running = "running", Blocked = "blocked", Done = "done", Skipped = "skipped", Parked = "parked",
}

named! {
    ParkReason, "a reason",
    Asked = "asked", Exhausted = "exhausted", Poison = "poison", NoHandler = "no-handler", Undecodable = "undecodable",
}

named! {
    AttemptOutcome, "an outcome",
    Failed = "failed", Skipped = "skipped", Parked = "parked", Crashed = "crashed", Done = "done",
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_name_reads_back<
        T: Named + PartialEq + std::fmt::Debug + Serialize + for<'de> Deserialize<'de>,
    >() {
        for value in T::ALL {
            let text = serde_json::to_string(value).expect("it has a name");
            assert_eq!(text, format!("\"{}\"", value.name()));
            assert_eq!(serde_json::from_str::<T>(&text).expect("it is its own"), *value);
        }
        let unknown = serde_json::from_str::<T>("\"other\"").expect_err("no such name");
        assert!(unknown.to_string().contains(T::WHAT), "{unknown}");
    }

    #[test]
    fn names_read_back() {
        every_name_reads_back::<State>();
        every_name_reads_back::<ParkReason>();
        every_name_reads_back::<AttemptOutcome>();
    }
}
