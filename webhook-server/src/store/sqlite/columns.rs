//! The numbers that stand for states in the tables.
//!
//! A value's number is its place in these lists. Inboxes contain the numbers and statements quote them (`state <= 2` is
//! open), so a list only grows at its end. `migrations/1.sql` has the same numbers in its comments.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::store::{AttemptOutcome, ParkReason, State};

const STATES: [State; 6] =
    [State::Ready, State::Running, State::Blocked, State::Done, State::Skipped, State::Parked];

const WHYS: [ParkReason; 5] = [
    ParkReason::Asked,
    ParkReason::Exhausted,
    ParkReason::Poison,
    ParkReason::NoHandler,
    ParkReason::Undecodable,
];

const OUTCOMES: [AttemptOutcome; 4] =
    [AttemptOutcome::Failed, AttemptOutcome::Skipped, AttemptOutcome::Parked, AttemptOutcome::Crashed];

/// Fails on a number that this program does not know.
fn read<T: Copy>(all: &[T], value: ValueRef<'_>) -> FromSqlResult<T> {
    let code = value.as_i64()?;
    usize::try_from(code).ok().and_then(|at| all.get(at)).copied().ok_or(FromSqlError::OutOfRange(code))
}

/// A value that is not in the list becomes -1, which the tables' checks refuse.
fn write<T: PartialEq>(all: &[T], value: &T) -> rusqlite::Result<ToSqlOutput<'static>> {
    let at = all.iter().position(|one| one == value).and_then(|at| i64::try_from(at).ok());
    Ok(at.unwrap_or(-1).into())
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        read(&STATES, value)
    }
}

impl ToSql for State {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        write(&STATES, self)
    }
}

impl FromSql for ParkReason {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        read(&WHYS, value)
    }
}

impl ToSql for ParkReason {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        write(&WHYS, self)
    }
}

impl FromSql for AttemptOutcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        read(&OUTCOMES, value)
    }
}

impl ToSql for AttemptOutcome {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        write(&OUTCOMES, self)
    }
}
