//! The numbers that stand for states in the tables.
//!
//! A value's number is its place in these lists. Inboxes contain the numbers and statements quote them (`state <= 2` is
//! open), so a list only grows at its end. Each store's `migrations/1.sql` has the same numbers in its comments.

use super::{AttemptOutcome, ParkReason, State};

/// A value that a table contains as a number.
pub(super) trait Numbered: Copy + PartialEq + 'static {
    /// All values, each in the place of its number.
    const ALL: &'static [Self];

    /// Returns the value's number. A value that is not in the list becomes -1, which the tables' checks refuse.
    fn number(self) -> i16 {
        let at = Self::ALL.iter().position(|one| *one == self).and_then(|at| i16::try_from(at).ok());
        at.unwrap_or(-1)
    }

    /// Returns the value with a number, unless this program does not know the number.
    fn of_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at)).copied()
    }
}

impl Numbered for State {
    const ALL: &'static [Self] =
        &[Self::Ready, Self::Running, Self::Blocked, Self::Done, Self::Skipped, Self::Parked];
}

impl Numbered for ParkReason {
    const ALL: &'static [Self] =
        &[Self::Asked, Self::Exhausted, Self::Poison, Self::NoHandler, Self::Undecodable];
}

impl Numbered for AttemptOutcome {
    const ALL: &'static [Self] = &[Self::Failed, Self::Skipped, Self::Parked, Self::Crashed, Self::Done];
}
