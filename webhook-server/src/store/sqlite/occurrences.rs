//! Occurrences that Stripe may report by two events. The event that arrives first gets the handler's task.

use rusqlite::{Connection, params};

use crate::store::NewTask;

/// Claims a task's occurrence, if it has one, for an event. Returns false if another event already has it, and with it the
/// handler's task.
///
/// An event that has an occurrence keeps it for as long as its task, and both for as long as itself.
pub(super) fn take(db: &Connection, event_seq: i64, task: &NewTask) -> rusqlite::Result<bool> {
    let Some(occurrence) = &task.occurrence else { return Ok(true) };
    let taken = db
        .prepare_cached(
            "INSERT INTO inbox_occurrence (event_seq, handler, occurrence) VALUES (?1, ?2, ?3) \
             ON CONFLICT (handler, occurrence) DO NOTHING",
        )?
        .execute(params![event_seq, task.handler, occurrence])?;
    Ok(taken == 1)
}
