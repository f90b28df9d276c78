//! Choosing what runs next.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::session::Stamp;
use crate::store::{ACCUSED, Capacity, Claim, ClaimResult, State, Ticket};

/// How many tasks whose lane is taken one claim may come upon: whoever else writes waits that long.
const PASSED_OVER: usize = 1_000;

/// How many more tasks may be started.
struct Room<'c> {
    slots: usize,
    handlers: HashMap<&'c str, usize>,
}

impl<'c> Room<'c> {
    fn of(capacity: &'c Capacity) -> Self {
        let handlers = capacity.handlers.iter().map(|(handler, tasks)| (&**handler, *tasks));
        Self { slots: capacity.slots, handlers: handlers.collect() }
    }

    fn has(&self, handler: &str) -> bool {
        self.slots > 0 && self.handlers.get(handler).is_some_and(|tasks| *tasks > 0)
    }

    fn take(&mut self, handler: &str) {
        self.slots = self.slots.saturating_sub(1);
        if let Some(tasks) = self.handlers.get_mut(handler) {
            *tasks = tasks.saturating_sub(1);
        }
    }
}

/// Starts tasks that are due, as far as there is capacity, those first that are due the longest: never two in one
/// lane, suspects one after the other, and nothing beside one that is accused.
pub(super) fn claim(db: &Connection, capacity: &Capacity, stamp: Stamp) -> rusqlite::Result<ClaimResult> {
    let mut room = Room::of(capacity);
    let mut claims = Vec::new();
    let is_alone = match running_suspect(db)? {
        Some(is_accused) => is_accused,
        None => {
            let next = next_suspect(db, &room)?;
            if let Some(suspect) = &next {
                room.take(&suspect.handler);
                claims.push(start(db, suspect.id, stamp)?);
            }
            next.is_some_and(|suspect| suspect.crashes >= ACCUSED)
        }
    };
    if is_alone {
        return Ok(ClaimResult { claims, next_due: next_due(db, stamp.now)? });
    }
    // What is due of a handler that may run nothing more is not looked at, however much it is.
    let handlers = ready_handlers(db)?;
    let mut candidates = BTreeMap::new();
    for handler in &handlers {
        candidates.extend(candidate(db, handler, &room, stamp.now)?);
    }
    let mut passed_over = 0;
    while let Some((_, first)) = candidates.pop_first() {
        // It may have been started in the turn of its lane, for another handler of its group.
        let is_started = claims.iter().any(|claim| claim.ticket.task == first.id);
        if !is_started && room.has(first.handler) {
            let claimed = claim_candidate(db, &first, &room, stamp)?;
            if let Some(claim) = &claimed {
                room.take(&claim.handler);
            } else {
                passed_over += 1;
                if passed_over == PASSED_OVER {
                    return Ok(ClaimResult { claims, next_due: Some(Duration::ZERO) });
                }
            }
            claims.extend(claimed);
        }
        candidates.extend(candidate(db, first.handler, &room, stamp.now)?);
    }
    Ok(ClaimResult { claims, next_due: next_due(db, stamp.now)? })
}

struct Suspect {
    id: i64,
    handler: String,
    scope: String,
    lane: Option<String>,
    crashes: u32,
}

/// Whether a suspect runs; and if so, whether it is accused.
fn running_suspect(db: &Connection) -> rusqlite::Result<Option<bool>> {
    db.prepare_cached(
        "SELECT crashes >= ?1 FROM inbox_task WHERE suspect = 1 AND state <= 2 AND state = 1 \
         ORDER BY crashes DESC LIMIT 1",
    )?
    .query_row([ACCUSED], |row| row.get(0))
    .optional()
}

/// The suspect that is to start next, if one can: the one with most crashes, the oldest of these. It need not wait for
/// its turn in its lane: it has begun before.
fn next_suspect(db: &Connection, room: &Room<'_>) -> rusqlite::Result<Option<Suspect>> {
    let mut suspects = db.prepare_cached(
        "SELECT id, handler, scope, lane, crashes FROM inbox_task WHERE suspect = 1 AND state <= 2 \
         ORDER BY crashes DESC, id",
    )?;
    let mut suspects = suspects.query_map([], |row| {
        Ok(Suspect {
            id: row.get(0)?,
            handler: row.get(1)?,
            scope: row.get(2)?,
            lane: row.get(3)?,
            crashes: row.get(4)?,
        })
    })?;
    while let Some(suspect) = suspects.next().transpose()? {
        if !room.has(&suspect.handler) {
            continue;
        }
        let is_taken = match &suspect.lane {
            Some(lane) => lane_runs(db, &suspect.scope, lane)?,
            None => false,
        };
        if !is_taken {
            return Ok(Some(suspect));
        }
    }
    Ok(None)
}

/// Whether a task must run alone, or runs alone already.
pub(super) fn is_any_accused(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_task WHERE suspect = 1 AND state <= 2 AND crashes >= ?1)",
    )?
    .query_row([ACCUSED], |row| row.get(0))
}

/// The handlers with tasks that are ready, due or not: from one to the next, however many tasks each has.
fn ready_handlers(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(
        "WITH RECURSIVE ready (handler) AS ( \
             SELECT min(handler) FROM inbox_task WHERE state = 0 AND suspect = 0 \
             UNION ALL \
             SELECT (SELECT min(handler) FROM inbox_task \
                     WHERE state = 0 AND suspect = 0 AND handler > ready.handler) \
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
    scope: String,
    lane: Option<String>,
    strict: bool,
}

/// Finds a handler's candidate, with its place among those of all; `None` if nothing is due, or nothing may be started.
fn candidate<'h>(
    db: &Connection,
    handler: &'h str,
    room: &Room<'_>,
    now: i64,
) -> rusqlite::Result<Option<((i64, i64), Candidate<'h>)>> {
    if !room.has(handler) {
        return Ok(None);
    }
    db.prepare_cached(
        "SELECT due_ms, id, scope, lane, strict FROM inbox_task \
         WHERE handler = ?1 AND state = 0 AND suspect = 0 AND due_ms <= ?2 ORDER BY due_ms, id LIMIT 1",
    )?
    .query_row(params![handler, now], |row| {
        let (due, id) = (row.get(0)?, row.get(1)?);
        Ok(((due, id), Candidate { id, handler, scope: row.get(2)?, lane: row.get(3)?, strict: row.get(4)? }))
    })
    .optional()
}

/// The task of a lane whose turn it is.
struct Turn {
    id: i64,
    handler: String,
    state: State,
    is_suspect: bool,
}

/// Starts the task of the candidate's lane whose turn it is. If that is another one, or none, the candidate is blocked
/// from now on: so each candidate is looked at once, however long its lane's queue is.
fn claim_candidate(
    db: &Connection,
    candidate: &Candidate<'_>,
    room: &Room<'_>,
    stamp: Stamp,
) -> rusqlite::Result<Option<Claim>> {
    let Some(lane) = &candidate.lane else { return start(db, candidate.id, stamp).map(Some) };
    let turn =
        if lane_runs(db, &candidate.scope, lane)? { None } else { turn(db, candidate, lane, stamp.now)? };
    if turn.as_ref().is_none_or(|turn| turn.id != candidate.id) {
        db.prepare_cached("UPDATE inbox_task SET state = 2 WHERE id = ?1")?.execute([candidate.id])?;
    }
    match turn {
        // A suspect starts in the turn of the suspects.
        Some(turn) if !turn.is_suspect && room.has(&turn.handler) => start(db, turn.id, stamp).map(Some),
        // Of another handler in the group, which has no room: it is claimed when it has.
        Some(turn) if !turn.is_suspect && turn.state == State::Blocked => {
            db.prepare_cached("UPDATE inbox_task SET state = 0, due_ms = ?2 WHERE id = ?1")?
                .execute([turn.id, stamp.now])?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// The task of a lane whose turn it is, if it is due: the first of a strict lane may wait for its time, and the others
/// wait with it.
fn turn(db: &Connection, candidate: &Candidate<'_>, lane: &str, now: i64) -> rusqlite::Result<Option<Turn>> {
    let first = db
        .prepare_cached(
            "SELECT id, handler, state, suspect, state = 2 OR due_ms <= ?3 FROM inbox_task \
             WHERE scope = ?1 AND lane = ?2 AND state <= 2 AND lane IS NOT NULL \
               AND (?4 OR state = 2 OR due_ms <= ?3) \
             ORDER BY moment, event_seq, id LIMIT 1",
        )?
        .query_row(params![candidate.scope, lane, now, candidate.strict], |row| {
            let turn =
                Turn { id: row.get(0)?, handler: row.get(1)?, state: row.get(2)?, is_suspect: row.get(3)? };
            Ok((turn, row.get::<_, bool>(4)?))
        })
        .optional()?;
    Ok(first.filter(|(_, is_due)| *is_due).map(|(turn, _)| turn))
}

fn lane_runs(db: &Connection, scope: &str, lane: &str) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_task \
                        WHERE scope = ?1 AND lane = ?2 AND state = 1 AND lane IS NOT NULL)",
    )?
    .query_row([scope, lane], |row| row.get(0))
}

/// Whether a newer event of the same object is done in a scope.
pub(super) fn is_stale(
    db: &Connection,
    scope: &str,
    object: Option<&str>,
    moment: i64,
) -> rusqlite::Result<bool> {
    if object.is_none() || moment == 0 {
        return Ok(false);
    }
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbox_task \
                        WHERE scope = ?1 AND object = ?2 AND state = 3 AND object IS NOT NULL AND moment > ?3)",
    )?
    .query_row(params![scope, object, moment], |row| row.get(0))
}

/// Starts a task. The attempt is counted before the run, so that one that ends the process is counted.
fn start(db: &Connection, id: i64, stamp: Stamp) -> rusqlite::Result<Claim> {
    db.prepare_cached(
        "UPDATE inbox_task SET state = 1, owner = ?2, fence = fence + 1, attempt = attempt + 1, started_ms = ?3 \
         WHERE id = ?1 AND state IN (0, 2)",
    )?
    .execute([id, stamp.session, stamp.now])?;
    let mut claimed = db.prepare_cached(
        "SELECT fence, handler, endpoint, attempt, replay, body, scope, object, moment \
         FROM inbox_task task JOIN inbox_event event ON event.seq = task.event_seq WHERE task.id = ?1",
    )?;
    let (mut claim, (scope, object, moment)) = claimed.query_row([id], |row| {
        let claim = Claim {
            ticket: Ticket { task: id, fence: row.get(0)? },
            handler: row.get(1)?,
            endpoint: row.get(2)?,
            attempt: row.get(3)?,
            is_replay: row.get(4)?,
            body: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default().into(),
            is_stale: false,
        };
        let place: (String, Option<String>, i64) = (row.get(6)?, row.get(7)?, row.get(8)?);
        Ok((claim, place))
    })?;
    claim.is_stale = is_stale(db, &scope, object.as_deref(), moment)?;
    Ok(claim)
}

fn next_due(db: &Connection, now: i64) -> rusqlite::Result<Option<Duration>> {
    let next: Option<i64> = db
        .prepare_cached("SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms > ?1")?
        .query_row([now], |row| row.get(0))?;
    Ok(next.map(|due| Duration::from_millis(due.abs_diff(now))))
}
