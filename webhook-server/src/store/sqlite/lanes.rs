//! Lanes: whose turn it is, and which task is next when a lane becomes free.
//!
//! In a lane, tasks are ordered by when their events happened (`moment`), then by arrival (`event_seq`). The unique index
//! `inbox_task_running_lane` makes SQLite itself refuse a second running task, whatever the statements here do.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::State;

/// The scope of a task and its lane, if it has one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    /// Whose lane it is: a handler's id, or `*` and the name of a group.
    pub(super) scope: String,
    /// The account and the value of the ordering key.
    pub(super) lane: Option<String>,
}

impl LaneKey {
    /// Reads it from the first two columns.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { scope: row.get(0)?, lane: row.get(1)? })
    }
}

/// Makes the oldest blocked task of a task's lane ready, because the task has left the lane or stopped. Returns whether any
/// task is due now. One statement, since this happens after each run.
pub(super) fn promote_after(db: &Connection, task: i64, now: i64) -> rusqlite::Result<bool> {
    let (blocked, is_any_due): (Option<i64>, bool) = db
        .prepare_cached(
            "SELECT (SELECT blocked.id FROM inbox_task stopped CROSS JOIN inbox_task blocked \
                     WHERE stopped.id = ?1 AND blocked.scope = stopped.scope AND blocked.lane = stopped.lane \
                       AND blocked.state IN (0, 2) AND blocked.state = 2 AND blocked.lane IS NOT NULL \
                     ORDER BY blocked.moment, blocked.event_seq, blocked.id LIMIT 1), \
                    EXISTS (SELECT 1 FROM inbox_task WHERE state = 0 AND due_ms <= ?2)",
        )?
        .query_row([task, now], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(blocked) = blocked {
        make_ready(db, blocked, now)?;
    }
    Ok(blocked.is_some() || is_any_due)
}

/// Whether any task is due now.
pub(super) fn is_any_due(db: &Connection, now: i64) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox_task WHERE state = 0 AND due_ms <= ?1)")?
        .query_row([now], |row| row.get(0))
}

/// Makes the oldest blocked task of a lane ready, because tasks have left the lane.
pub(super) fn promote(db: &Connection, key: &LaneKey, now: i64) -> rusqlite::Result<()> {
    let Some(lane) = &key.lane else { return Ok(()) };
    let blocked: Option<i64> = db
        .prepare_cached(
            "SELECT id FROM inbox_task \
             WHERE scope = ?1 AND lane = ?2 AND state IN (0, 2) AND state = 2 AND lane IS NOT NULL \
             ORDER BY moment, event_seq, id LIMIT 1",
        )?
        .query_row([&key.scope, lane], |row| row.get(0))
        .optional()?;
    blocked.map_or(Ok(()), |blocked| make_ready(db, blocked, now))
}

/// Makes a blocked task ready.
pub(super) fn make_ready(db: &Connection, task: i64, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE inbox_task SET state = 0, due_ms = ?2 WHERE id = ?1")?.execute([task, now])?;
    Ok(())
}

/// The task whose turn it is in a lane.
pub(super) struct Turn {
    pub(super) id: i64,
    pub(super) handler: String,
    /// Ready or blocked.
    pub(super) state: State,
    pub(super) is_suspect: bool,
}

/// Finds the task whose turn it is in a lane in which none runs, if it may run now: in a strict lane the first task may
/// still wait for its retry, and the others wait with it.
pub(super) fn turn(
    db: &Connection,
    scope: &str,
    lane: &str,
    strict: bool,
    now: i64,
) -> rusqlite::Result<Option<Turn>> {
    let first = db
        .prepare_cached(
            "SELECT id, handler, state, suspect, state = 2 OR due_ms <= ?3 FROM inbox_task \
             WHERE scope = ?1 AND lane = ?2 AND state IN (0, 2) AND lane IS NOT NULL \
               AND (?4 OR state = 2 OR due_ms <= ?3) \
             ORDER BY moment, event_seq, id LIMIT 1",
        )?
        .query_row(params![scope, lane, now, strict], |row| {
            let turn =
                Turn { id: row.get(0)?, handler: row.get(1)?, state: row.get(2)?, is_suspect: row.get(3)? };
            Ok((turn, row.get::<_, bool>(4)?))
        })
        .optional()?;
    Ok(first.filter(|(_, is_due)| *is_due).map(|(turn, _)| turn))
}

/// Whether a task of a lane is running.
pub(super) fn lane_runs(db: &Connection, scope: &str, lane: &str) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_task WHERE scope = ?1 AND lane = ?2 AND state = 1)",
    )?
    .query_row([scope, lane], |row| row.get(0))
}
