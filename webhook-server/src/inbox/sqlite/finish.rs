//! Ending runs, and letting the next of the lane go.

use rusqlite::{Connection, OptionalExtension, params};

use crate::inbox::clock::millis;
use crate::inbox::store::{End, Finished, State, Ticket, Why};

pub(super) fn finish(db: &Connection, ticket: Ticket, end: &End, now: i64) -> rusqlite::Result<Finished> {
    let was_ours = end_run(db, ticket, end, now)?;
    let is_any_due = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox_task WHERE state = 0 AND due_ms <= ?1)")?
        .query_row([now], |row| row.get(0))?;
    Ok(Finished { was_ours, is_any_due })
}

/// Ends a run, unless the ticket is no longer the task's. Returns whether it was.
fn end_run(db: &Connection, ticket: Ticket, end: &End, now: i64) -> rusqlite::Result<bool> {
    let running: Option<Place> = db
        .prepare_cached("SELECT handler, lane FROM inbox_task WHERE id = ?1 AND state = 1 AND fence = ?2")?
        .query_row([ticket.task, ticket.fence], Place::read)
        .optional()?;
    let Some(place) = running else { return Ok(false) };
    match end {
        End::Done => settle(db, ticket.task, State::Done, None, None, now)?,
        End::Discarded { error } => settle(db, ticket.task, State::Discarded, None, Some(error), now)?,
        End::Parked { why, error } => settle(db, ticket.task, State::Parked, Some(*why), Some(error), now)?,
        End::Retry { after, error } => {
            db.prepare_cached(
                "UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?2, error = ?3, why = NULL, suspect = 0, \
                                       crashes = 0 \
                 WHERE id = ?1",
            )?
            .execute(params![ticket.task, now.saturating_add(millis(*after)), error])?;
        }
        End::Released => {
            db.prepare_cached(
                "UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?2, attempt = attempt - 1 WHERE id = ?1",
            )?
            .execute([ticket.task, now])?;
        }
    }
    promote(db, &place, now)?;
    Ok(true)
}

/// Ends the suspicion of a run that goes on.
pub(super) fn acquit(db: &Connection, ticket: Ticket) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE inbox_task SET suspect = 0 WHERE id = ?1 AND state = 1 AND fence = ?2 AND suspect = 1",
    )?
    .execute([ticket.task, ticket.fence])?;
    Ok(())
}

/// Ends a task for good.
pub(super) fn settle(
    db: &Connection,
    task: i64,
    state: State,
    why: Option<Why>,
    error: Option<&str>,
    now: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE inbox_task SET state = ?2, owner = NULL, finished_ms = ?3, why = ?4, error = ?5, suspect = 0, \
                               crashes = 0 \
         WHERE id = ?1",
    )?
    .execute(params![task, state, now, why, error])?;
    Ok(())
}

/// A handler and, if it has one, a lane of its tasks.
pub(super) struct Place {
    pub(super) handler: String,
    pub(super) lane: Option<String>,
}

impl Place {
    /// From the first two columns.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { handler: row.get(0)?, lane: row.get(1)? })
    }
}

/// Lets the oldest blocked task of a lane be looked at again, because another one has left or stopped.
pub(super) fn promote(db: &Connection, place: &Place, now: i64) -> rusqlite::Result<()> {
    let Some(lane) = &place.lane else { return Ok(()) };
    db.prepare_cached(
        "UPDATE inbox_task SET state = 0, due_ms = ?3 \
         WHERE id = (SELECT id FROM inbox_task WHERE handler = ?1 AND lane = ?2 AND state <= 2 AND state = 2 \
                     ORDER BY created_s, event_seq LIMIT 1)",
    )?
    .execute(params![place.handler, lane, now])?;
    Ok(())
}
