//! States and reasons as values of flags.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::operate::wire::Named;
use crate::store::{ParkReason, State};

impl ValueEnum for State {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Ready, Self::Running, Self::Blocked, Self::Done, Self::Skipped, Self::Parked]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Ready => "Runs when it is due",
            Self::Running => "Is running",
            Self::Blocked => "Runs when its lane is free",
            Self::Done => "Succeeded",
            Self::Skipped => "Given up without success, on purpose",
            Self::Parked => "Set aside for a person",
        }))
    }
}

impl ValueEnum for ParkReason {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Asked, Self::Exhausted, Self::Poison, Self::NoHandler, Self::Undecodable]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(match self {
            Self::Asked => "The handler asked for it",
            Self::Exhausted => "The last attempt failed",
            Self::Poison => "The process ended three times while nothing else ran",
            Self::NoHandler => "The program has no such handler",
            Self::Undecodable => "The event does not fit the handler's type",
        }))
    }
}
