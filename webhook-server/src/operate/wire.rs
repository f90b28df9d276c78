//! The wire form of the store's types: one name for each state, reason and outcome.
//!
//! What an operator reads (`store/rows.rs`) derives its wire form where it is defined, since it exists for nothing else.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::{AttemptOutcome, ParkReason, State};

/// A value with a name that commands read and answers write.
pub(crate) trait Named: Copy + PartialEq + Sized + 'static {
    /// What it is, for a message.
    const WHAT: &'static str;
    const ALL: &'static [(Self, &'static str)];

    fn name(self) -> &'static str {
        let own = Self::ALL.iter().find(|(value, _)| *value == self);
        own.map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }
}

impl Named for State {
    const WHAT: &'static str = "a state";
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Ready, "ready"),
        (Self::Running, "running"),
        (Self::Blocked, "blocked"),
        (Self::Done, "done"),
        (Self::Skipped, "skipped"),
        (Self::Parked, "parked"),
    ];
}

impl Named for ParkReason {
    const WHAT: &'static str = "a reason";
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Asked, "asked"),
        (Self::Exhausted, "exhausted"),
        (Self::Poison, "poison"),
        (Self::NoHandler, "no-handler"),
        (Self::Undecodable, "undecodable"),
    ];
}

impl Named for AttemptOutcome {
    const WHAT: &'static str = "an outcome";
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Failed, "failed"),
        (Self::Skipped, "skipped"),
        (Self::Parked, "parked"),
        (Self::Crashed, "crashed"),
    ];
}

fn read<'de, D: Deserializer<'de>, T: Named>(deserializer: D) -> Result<T, D::Error> {
    let name = String::deserialize(deserializer)?;
    T::named(&name).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&name), &T::WHAT))
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl Serialize for ParkReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ParkReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl Serialize for AttemptOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AttemptOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_name_reads_back<T: Named + std::fmt::Debug + Serialize + for<'de> Deserialize<'de>>() {
        for (value, name) in T::ALL {
            let text = serde_json::to_string(value).expect("it has a name");
            assert_eq!(text, format!("\"{name}\""));
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
