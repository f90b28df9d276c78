//! Choosing what runs next.
//!
//! A claim takes at most one suspect, then repeatedly the task that has been due longest among the first due task of
//! each handler that has capacity. If that task's lane is taken, or another task of the lane comes first, it becomes
//! *blocked* and is not looked at again until its lane is free ([`promote`](super::lanes::promote)). So the work of a
//! claim depends on the tasks that it starts, not on the number of tasks that wait.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::capacity::Remaining;
use super::lanes::{lane_runs, make_ready, turn};
use super::session::Stamp;
use super::suspects::{next_suspect, running_suspect};
use crate::store::backlog::millis;
use crate::store::{ACCUSED, Capacity, Claim, ClaimResult, HandlerId, State, Ticket};

/// How many tasks whose lane is taken one claim may pass over. Other writes wait that long.
const PASSED_OVER: usize = 1_000;

/// Starts due tasks up to the capacity, those that have been due longest first: never two in one lane, suspects one at a
/// time, and nothing beside an accused one.
///
/// After [`PASSED_OVER`] tasks that could not start it returns early and asks to be called again at once.
pub(super) fn claim(db: &Connection, capacity: &Capacity, stamp: Stamp<'_>) -> rusqlite::Result<ClaimResult> {
    let mut remaining = Remaining::of(capacity);
    let mut claims = Vec::new();
    let is_alone = match running_suspect(db)? {
        Some(is_accused) => is_accused,
        None => {
            let next = next_suspect(db, &remaining)?;
            if let Some(suspect) = &next {
                remaining.take(suspect.handler);
                claims.push(start(db, suspect.id, suspect.handler, stamp)?);
            }
            next.is_some_and(|suspect| suspect.crashes >= ACCUSED)
        }
    };
    if is_alone {
        return Ok(ClaimResult { claims, next_claim: next_due(db, stamp.now)? });
    }
    // The due tasks of a handler without capacity cost nothing, however many there are.
    let handlers = ready_handlers(db, &remaining)?;
    let mut candidates = BTreeMap::new();
    for handler in handlers {
        candidates.extend(candidate(db, handler, &remaining, stamp.now)?);
    }
    let mut passed_over = 0;
    while let Some((_, first)) = candidates.pop_first() {
        // It may have started already, when the turn in its lane came through another handler of its group.
        let is_started = claims.iter().any(|claim| claim.ticket.task == first.id);
        if !is_started && remaining.has(first.handler) {
            let claimed = claim_candidate(db, &first, &remaining, stamp)?;
            if let Some(claim) = &claimed {
                remaining.take(claim.handler);
            } else {
                passed_over += 1;
                if passed_over == PASSED_OVER {
                    return Ok(ClaimResult { claims, next_claim: Some(Duration::ZERO) });
                }
            }
            claims.extend(claimed);
        }
        candidates.extend(candidate(db, first.handler, &remaining, stamp.now)?);
    }
    Ok(ClaimResult { claims, next_claim: next_due(db, stamp.now)? })
}

/// The handlers with ready tasks, due or not. It jumps from one handler to the next, however many tasks each has.
fn ready_handlers(db: &Connection, remaining: &Remaining) -> rusqlite::Result<Vec<HandlerId>> {
    let mut ready = db.prepare_cached(
        "WITH RECURSIVE ready (handler) AS ( \
             SELECT min(handler) FROM inbox_task WHERE state = 0 AND suspect = 0 \
             UNION ALL \
             SELECT (SELECT min(handler) FROM inbox_task \
                     WHERE state = 0 AND suspect = 0 AND handler > ready.handler) \
             FROM ready WHERE handler IS NOT NULL) \
         SELECT handler FROM ready WHERE handler IS NOT NULL",
    )?;
    let mut ready = ready.query([])?;
    let mut handlers = Vec::new();
    while let Some(row) = ready.next()? {
        handlers.extend(remaining.handler(row.get_ref(0)?.as_str()?));
    }
    Ok(handlers)
}

/// The task of a handler that has been due longest.
struct Candidate {
    id: i64,
    handler: HandlerId,
    /// The handler's id, or the name of its group: see [`LaneKey`](super::lanes::LaneKey).
    scope: String,
    /// `None` if it may run beside any other task.
    lane: Option<String>,
    /// Whether an earlier task that waits for its retry holds the lane.
    strict: bool,
}

/// Finds a handler's candidate and its rank among all candidates; `None` if nothing is due or may start.
fn candidate(
    db: &Connection,
    handler: HandlerId,
    remaining: &Remaining,
    now: i64,
) -> rusqlite::Result<Option<((i64, i64), Candidate)>> {
    if !remaining.has(handler) {
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

/// Starts the task whose turn it is in the candidate's lane. If that is another task, or none, the candidate becomes
/// blocked: so each candidate is examined once, however long the queue of its lane is.
fn claim_candidate(
    db: &Connection,
    candidate: &Candidate,
    remaining: &Remaining,
    stamp: Stamp<'_>,
) -> rusqlite::Result<Option<Claim>> {
    let Some(lane) = &candidate.lane else {
        return start(db, candidate.id, candidate.handler, stamp).map(Some);
    };
    let turn = if lane_runs(db, &candidate.scope, lane)? {
        None
    } else {
        turn(db, &candidate.scope, lane, candidate.strict, stamp.now)?
    };
    if turn.as_ref().is_none_or(|turn| turn.id != candidate.id) {
        db.prepare_cached("UPDATE inbox_task SET state = 2 WHERE id = ?1")?.execute([candidate.id])?;
    }
    let Some(turn) = turn else { return Ok(None) };
    match remaining.handler(&turn.handler).filter(|handler| remaining.has(handler)) {
        // Suspects start in a turn of their own.
        _ if turn.is_suspect => Ok(None),
        Some(handler) => start(db, turn.id, handler, stamp).map(Some),
        // Its handler, another one of the group, has no capacity left: it is claimed later.
        None if turn.state == State::Blocked => {
            make_ready(db, turn.id, stamp.now)?;
            Ok(None)
        }
        None => Ok(None),
    }
}

/// Whether a newer event of the same object is already done in a scope. Never for an object without an id, nor for an
/// event whose time is unknown.
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

/// Starts a task. The attempt is counted before the run, so that a crash is counted.
fn start(db: &Connection, id: i64, handler: HandlerId, stamp: Stamp<'_>) -> rusqlite::Result<Claim> {
    db.prepare_cached(
        "UPDATE inbox_task SET state = 1, owner = ?2, fence = fence + 1, attempt = attempt + 1, started_ms = ?3 \
         WHERE id = ?1 AND state IN (0, 2)",
    )?
    .execute([id, stamp.session, stamp.now])?;
    let mut claimed = db.prepare_cached(
        "SELECT fence, endpoint, attempt, replay, body, scope, object, moment, due_ms \
         FROM inbox_task task JOIN inbox_event event ON event.seq = task.event_seq WHERE task.id = ?1",
    )?;
    let (mut claim, (scope, object, moment)) = claimed.query_row([id], |row| {
        let claim = Claim {
            ticket: Ticket { task: id, fence: row.get(0)? },
            handler,
            endpoint: row.get(1)?,
            attempt: row.get(2)?,
            is_replay: row.get(3)?,
            body: row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default().into(),
            is_stale: false,
            overdue: millis(stamp.now - row.get::<_, i64>(8)?),
        };
        let of_object: (String, Option<String>, i64) = (row.get(5)?, row.get(6)?, row.get(7)?);
        Ok((claim, of_object))
    })?;
    claim.is_stale = is_stale(db, &scope, object.as_deref(), moment)?;
    Ok(claim)
}

/// Returns how long until the next task is due.
fn next_due(db: &Connection, now: i64) -> rusqlite::Result<Option<Duration>> {
    let next: Option<i64> = db
        .prepare_cached("SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms > ?1")?
        .query_row([now], |row| row.get(0))?;
    Ok(next.map(|due| Duration::from_millis(due.abs_diff(now))))
}
