//! States and reasons as values of flags.
//!
//! The names are those of JSON and the socket; the help is for `--help` alone.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::operate::wire::Named;
use crate::store::{ParkReason, State};

impl ValueEnum for State {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Ready => "Runs when it is due",
            Self::Running => "Is running now",
            Self::Blocked => "Waits for an earlier task to finish",
            Self::Done => "Succeeded",
            Self::Skipped => "Closed on purpose, without success",
            Self::Parked => "Waits for a person to decide",
        }))
    }
}

impl ValueEnum for ParkReason {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Asked => "The handler asked to park it",
            Self::Exhausted => "The last attempt failed",
            Self::Poison => "The process ended three times while only this task was running",
            Self::NoHandler => "The program has no such handler",
            Self::Undecodable => "The event does not fit the handler's type",
        }))
    }
}
