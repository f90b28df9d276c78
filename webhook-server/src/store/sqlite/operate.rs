//! What an operator changes: retry, skip, replay.
//!
//! Each function changes one task or event and returns whether it could. A running task belongs to its handler: neither a
//! retry nor a skip changes it, and a replay leaves it out.

use rusqlite::{Connection, OptionalExtension, params};

use super::finish::keep_attempt;
use super::lanes::promote_after;
use super::occurrences;
use super::record::insert_task;
use super::session::Stamp;
use crate::store::{AttemptOutcome, HandlerId, NewTask, Replayed, State};

/// Makes a parked or waiting task ready now, with its full number of attempts, if it belongs to one of these handlers and
/// its event still has a body.
pub(super) fn retry(db: &Connection, task: i64, handlers: &[HandlerId], now: i64) -> rusqlite::Result<bool> {
    let handler: Option<String> = db
        .prepare_cached("SELECT handler FROM inbox_task WHERE id = ?1")?
        .query_row([task], |row| row.get(0))
        .optional()?;
    if handler.is_none_or(|handler| !handlers.contains(&handler.as_str())) {
        return Ok(false);
    }
    let changed = db
        .prepare_cached(
            "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, due_ms = ?2, attempt = 0, crashes = 0, \
                                   suspect = 0 \
             WHERE id = ?1 AND state IN (0, 2, 5) \
               AND EXISTS (SELECT 1 FROM inbox_event WHERE seq = event_seq AND body IS NOT NULL)",
        )?
        .execute([task, now])?;
    Ok(changed == 1)
}

/// Skips a parked or waiting task, and makes the next task of its lane ready.
pub(super) fn skip(db: &Connection, task: i64, reason: &str, now: i64) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE inbox_task SET state = 4, why = NULL, finished_ms = ?3, error = ?2, suspect = 0 \
             WHERE id = ?1 AND state IN (0, 2, 5)",
        )?
        .execute(params![task, reason, now])?;
    if changed == 1 {
        promote_after(db, task, now)?;
    }
    Ok(changed == 1)
}

/// Runs handlers on an event again, or for the first time, however they ended before.
pub(super) fn replay(
    db: &Connection,
    seq: i64,
    tasks: &[NewTask],
    stamp: Stamp<'_>,
) -> rusqlite::Result<Replayed> {
    let has_body: Option<bool> = db
        .prepare_cached("SELECT body IS NOT NULL FROM inbox_event WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    match has_body {
        None => return Ok(Replayed::Unknown),
        Some(false) => return Ok(Replayed::NoBody),
        Some(true) => {}
    }
    let mut ready = 0;
    for task in tasks {
        let known: Option<(i64, State, Option<i64>)> = db
            .prepare_cached(
                "SELECT id, state, finished_ms FROM inbox_task WHERE event_seq = ?1 AND handler = ?2",
            )?
            .query_row(params![seq, task.handler], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        match known {
            None if !occurrences::take(db, seq, task)? => continue,
            None => {
                insert_task(db, seq, task, State::Ready, true, stamp)?;
            }
            Some((_, state, _)) if state.is_open() => continue,
            Some((id, state, finished)) => {
                if let (State::Done, Some(finished)) = (state, finished) {
                    keep_attempt(db, id, AttemptOutcome::Done, None, finished)?;
                }
                let lane = task.lane.as_ref();
                db.prepare_cached(
                    "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, error = NULL, due_ms = ?2, \
                                           attempt = 0, crashes = 0, suspect = 0, replay = 1, lane = ?3, strict = ?4, scope = ?5 \
                     WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    stamp.now,
                    lane.map(|lane| &lane.key),
                    lane.is_some_and(|lane| lane.strict),
                    task.scope
                ])?;
            }
        }
        ready += 1;
    }
    Ok(Replayed::Ready(ready))
}
