//! Ending runs.
//!
//! A run ends only with the fence of its own claim. If the task is no longer running, or has been claimed again since, the
//! end changes nothing.

use rusqlite::{Connection, params};

use super::lanes::{is_any_due, promote_after};
use crate::store::clock::millis;
use crate::store::{ATTEMPTS_KEPT, AttemptOutcome, Disposition, FinishResult, ParkReason, State, Ticket};

/// Ends a run, and looks whether anything is due now.
pub(super) fn finish(
    db: &Connection,
    ticket: Ticket,
    end: &Disposition,
    now: i64,
) -> rusqlite::Result<FinishResult> {
    let was_ours = end_run(db, ticket, end, now)?;
    let is_any_due = if was_ours { promote_after(db, ticket.task, now)? } else { is_any_due(db, now)? };
    Ok(FinishResult { was_ours, is_any_due })
}

/// Ends a run if the ticket is still valid. Returns whether it was; then the caller promotes the next task of its lane.
pub(super) fn end_run(
    db: &Connection,
    ticket: Ticket,
    end: &Disposition,
    now: i64,
) -> rusqlite::Result<bool> {
    let was_ours = match end {
        Disposition::Done => close_run(db, ticket, State::Done, None, None, now)?,
        Disposition::Skipped { error } => close_run(db, ticket, State::Skipped, None, Some(error), now)?,
        Disposition::Parked { why, error } => {
            close_run(db, ticket, State::Parked, Some(*why), Some(error), now)?
        }
        Disposition::Retry { after, error } => {
            let changed = db
                .prepare_cached(
                    "UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?3, error = ?4, why = NULL, \
                                           suspect = 0, crashes = 0 \
                     WHERE id = ?1 AND state = 1 AND fence = ?2",
                )?
                .execute(params![ticket.task, ticket.fence, now.saturating_add(millis(*after)), error])?;
            changed == 1
        }
        Disposition::Released => {
            let changed = db
                .prepare_cached(
                    "UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?3, attempt = attempt - 1, \
                                           suspect = CASE suspect WHEN 2 THEN crashes > 0 ELSE suspect END \
                     WHERE id = ?1 AND state = 1 AND fence = ?2",
                )?
                .execute([ticket.task, ticket.fence, now])?;
            changed == 1
        }
    };
    let did_not_succeed = match end {
        Disposition::Done | Disposition::Released => None,
        Disposition::Skipped { error } => Some((AttemptOutcome::Skipped, error)),
        Disposition::Retry { error, .. } => Some((AttemptOutcome::Failed, error)),
        Disposition::Parked { error, .. } => Some((AttemptOutcome::Parked, error)),
    };
    if was_ours && let Some((outcome, error)) = did_not_succeed {
        keep_attempt(db, ticket.task, outcome, Some(error), now)?;
    }
    Ok(was_ours)
}

/// Clears a run that has gone on for long: if the process ends now, that does not count as a crash of the task.
pub(super) fn clear_suspect(db: &Connection, ticket: Ticket) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE inbox_task SET suspect = 2 WHERE id = ?1 AND state = 1 AND fence = ?2")?
        .execute([ticket.task, ticket.fence])?;
    Ok(())
}

/// Closes or parks a task if the ticket is still valid. Returns whether it was; then the caller promotes the next task of
/// its lane.
pub(super) fn close_run(
    db: &Connection,
    ticket: Ticket,
    state: State,
    why: Option<ParkReason>,
    error: Option<&str>,
    now: i64,
) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE inbox_task SET state = ?3, owner = NULL, finished_ms = ?4, why = ?5, error = ?6, suspect = 0, \
                                   crashes = 0 \
             WHERE id = ?1 AND state = 1 AND fence = ?2",
        )?
        .execute(params![ticket.task, ticket.fence, state, now, why, error])?;
    Ok(changed == 1)
}

/// Keeps an attempt of a task that ended at `ended`, and the latest ones before it.
pub(super) fn keep_attempt(
    db: &Connection,
    task: i64,
    outcome: AttemptOutcome,
    error: Option<&str>,
    ended: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO inbox_attempt (task, attempt, started_ms, ended_ms, outcome, error) \
         SELECT id, attempt, started_ms, ?2, ?3, ?4 FROM inbox_task WHERE id = ?1",
    )?
    .execute(params![task, ended, outcome, error])?;
    db.prepare_cached(
        "DELETE FROM inbox_attempt WHERE task = ?1 \
           AND id <= (SELECT id FROM inbox_attempt WHERE task = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute(params![task, ATTEMPTS_KEPT])?;
    Ok(())
}
