//! Choosing what runs next.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::inbox::store::{Capacity, Claim, Claimed, NewTask, State, Ticket};

/// Who runs what is claimed, and since when.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// The incarnation of the server.
    pub(super) owner: i64,
    pub(super) now: i64,
}

/// How many tasks whose lane is taken one claim may come upon: whoever else writes waits that long.
const PASSED_OVER: usize = 1_000;

/// Starts tasks that are due, as far as there is capacity, those first that are due the longest: never two in one
/// lane, and a suspect only when nothing else runs.
pub(super) fn claim(db: &Connection, capacity: &Capacity, run: Run) -> rusqlite::Result<Claimed> {
    let mut claims = Vec::new();
    if let Some(suspect) = suspect(db)? {
        let may_run = capacity.slots > 0 && capacity.of(&suspect.handler) > 0;
        if suspect.state == State::Ready && may_run && !anything_runs(db)? {
            claims.push(start(db, suspect.id, run)?);
        }
        return Ok(Claimed { claims, next_due: next_due(db, run.now)? });
    }
    // What is due of a handler that may run nothing more is not looked at, however much it is.
    let handlers = ready_handlers(db)?;
    let mut candidates = BTreeMap::new();
    for handler in &handlers {
        candidates.extend(candidate(db, handler, capacity.of(handler), run.now)?);
    }
    let mut passed_over = 0;
    while claims.len() < capacity.slots
        && let Some((_, first)) = candidates.pop_first()
    {
        let claimed = claim_candidate(db, &first, run)?;
        if claimed.is_none() {
            passed_over += 1;
            if passed_over == PASSED_OVER {
                return Ok(Claimed { claims, next_due: Some(Duration::ZERO) });
            }
        }
        let left = first.left - usize::from(claimed.is_some());
        claims.extend(claimed);
        candidates.extend(candidate(db, first.handler, left, run.now)?);
    }
    Ok(Claimed { claims, next_due: next_due(db, run.now)? })
}

struct Suspect {
    id: i64,
    handler: String,
    state: State,
}

/// The suspect to look at first: one that runs, else the oldest.
fn suspect(db: &Connection) -> rusqlite::Result<Option<Suspect>> {
    db.prepare_cached(
        "SELECT id, handler, state FROM inbox_task WHERE suspect = 1 AND state <= 2 \
         ORDER BY state = 1 DESC, id LIMIT 1",
    )?
    .query_row([], |row| Ok(Suspect { id: row.get(0)?, handler: row.get(1)?, state: row.get(2)? }))
    .optional()
}

fn anything_runs(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox_task WHERE state = 1)")?
        .query_row([], |row| row.get(0))
}

/// The handlers with tasks that are ready, due or not: from one to the next, however many tasks each has.
fn ready_handlers(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(
        "WITH RECURSIVE ready (handler) AS ( \
             SELECT min(handler) FROM inbox_task WHERE state = 0 \
             UNION ALL \
             SELECT (SELECT min(handler) FROM inbox_task WHERE state = 0 AND handler > ready.handler) \
             FROM ready WHERE handler IS NOT NULL) \
         SELECT handler FROM ready WHERE handler IS NOT NULL",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// Of a handler's tasks the one that is due the longest.
struct Candidate<'h> {
    id: i64,
    handler: &'h str,
    lane: Option<String>,
    strict: bool,
    /// How many tasks of the handler may yet be started.
    left: usize,
}

/// Finds a handler's candidate, with its place among those of all; `None` if nothing is due, or nothing may be started.
fn candidate<'h>(
    db: &Connection,
    handler: &'h str,
    left: usize,
    now: i64,
) -> rusqlite::Result<Option<((i64, i64), Candidate<'h>)>> {
    if left == 0 {
        return Ok(None);
    }
    db.prepare_cached(
        "SELECT due_ms, id, lane, strict FROM inbox_task WHERE handler = ?1 AND state = 0 AND due_ms <= ?2 \
         ORDER BY due_ms, id LIMIT 1",
    )?
    .query_row(params![handler, now], |row| {
        let (due, id) = (row.get(0)?, row.get(1)?);
        Ok(((due, id), Candidate { id, handler, lane: row.get(2)?, strict: row.get(3)?, left }))
    })
    .optional()
}

/// Starts the task of the candidate's lane whose turn it is. If that is another one, or none, the candidate is blocked
/// from now on: so each candidate is looked at once, however long its lane's queue is.
fn claim_candidate(db: &Connection, candidate: &Candidate<'_>, run: Run) -> rusqlite::Result<Option<Claim>> {
    let Some(lane) = &candidate.lane else { return start(db, candidate.id, run).map(Some) };
    let turn = if lane_runs(db, candidate.handler, lane)? {
        None
    } else {
        db.prepare_cached(
            "SELECT id, state = 2 OR due_ms <= ?3 FROM inbox_task \
             WHERE handler = ?1 AND lane = ?2 AND state <= 2 AND (?4 OR state = 2 OR due_ms <= ?3) \
             ORDER BY created_s, event_seq LIMIT 1",
        )?
        .query_row(params![candidate.handler, lane, run.now, candidate.strict], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?
    };
    let chosen = turn.filter(|(_, is_due)| *is_due).map(|(id, _)| id);
    if chosen != Some(candidate.id) {
        db.prepare_cached("UPDATE inbox_task SET state = 2 WHERE id = ?1")?.execute([candidate.id])?;
    }
    chosen.map(|id| start(db, id, run)).transpose()
}

fn lane_runs(db: &Connection, handler: &str, lane: &str) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_task \
                        WHERE handler = ?1 AND lane = ?2 AND state = 1 AND lane IS NOT NULL)",
    )?
    .query_row([handler, lane], |row| row.get(0))
}

/// Whether a task that was just made may run at once: no suspect is left, and it is alone in its lane.
pub(super) fn may_start(db: &Connection, id: i64, task: &NewTask) -> rusqlite::Result<bool> {
    if suspect(db)?.is_some() {
        return Ok(false);
    }
    let Some(lane) = &task.lane else { return Ok(true) };
    db.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM inbox_task WHERE handler = ?1 AND lane = ?2 AND state <= 2 AND id <> ?3)",
    )?
    .query_row(params![task.handler, lane.key, id], |row| row.get(0))
}

/// Starts a task. The attempt is counted before the run, so that one that ends the process is counted.
pub(super) fn start(db: &Connection, id: i64, run: Run) -> rusqlite::Result<Claim> {
    db.prepare_cached(
        "UPDATE inbox_task SET state = 1, owner = ?2, fence = fence + 1, attempt = attempt + 1 \
         WHERE id = ?1 AND state IN (0, 2)",
    )?
    .execute([id, run.owner])?;
    let mut claimed = db.prepare_cached(
        "SELECT fence, task.handler, endpoint, attempt, replay, body, EXISTS ( \
             SELECT 1 FROM inbox_task done \
             WHERE done.handler = task.handler AND done.object = task.object AND done.state = 3 \
               AND done.created_s > event.created_s) \
         FROM inbox_task task JOIN inbox_event event ON event.seq = task.event_seq WHERE task.id = ?1",
    )?;
    claimed.query_row([id], |row| {
        Ok(Claim {
            ticket: Ticket { task: id, fence: row.get(0)? },
            handler: row.get(1)?,
            endpoint: row.get(2)?,
            attempt: row.get(3)?,
            is_replay: row.get(4)?,
            body: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default().into(),
            is_stale: row.get(6)?,
        })
    })
}

fn next_due(db: &Connection, now: i64) -> rusqlite::Result<Option<Duration>> {
    let next: Option<i64> = db
        .prepare_cached("SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms > ?1")?
        .query_row([now], |row| row.get(0))?;
    Ok(next.map(|due| Duration::from_millis(due.abs_diff(now))))
}
