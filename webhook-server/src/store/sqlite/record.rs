//! Storing events and quarantined bodies.
//!
//! Everything about one event happens in one transaction: the row of the event, its tasks, and the start of those tasks
//! that can run at once. So a 200 never stands for an event whose tasks are missing.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::claim::is_stale;
use super::session::Stamp;
use super::suspects::is_any_accused;
use crate::failpoint::failpoint;
use crate::store::{Claim, NewEvent, NewTask, RecordResult, StartMode, State, Ticket};

/// Stores an event and its tasks, unless it is known by its id, type and object. A known event only counts the delivery.
pub(super) fn record(db: &Connection, arrival: &NewEvent, stamp: Stamp) -> rusqlite::Result<RecordResult> {
    let envelope = &*arrival.envelope;
    let digest: [u8; 32] = Sha256::digest(&envelope.body).into();
    let object_id = arrival.object_id.as_deref().unwrap_or_default();
    let known: Option<(i64, bool, bool)> = db
        .prepare_cached(
            "SELECT seq, type = ?2 AND coalesce(object_id, '') = ?3 AS is_same, body_sha256 = ?4 \
             FROM inbox_event WHERE event_id = ?1 ORDER BY is_same DESC LIMIT 1",
        )?
        .query_row(params![envelope.id, envelope.event_type, object_id, digest], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((seq, true, same_body)) = known {
        db.prepare_cached(
            "UPDATE inbox_event SET deliveries = deliveries + 1, changed_bodies = changed_bodies + ?2 WHERE seq = ?1",
        )?
        .execute(params![seq, !same_body])?;
        return Ok(RecordResult::Duplicate { same_body });
    }
    // Without a handler, only the id is kept, so that duplicates are recognised.
    let body = (!arrival.tasks.is_empty()).then_some(&*envelope.body);
    db.prepare_cached(
        "INSERT INTO inbox_event (event_id, type, endpoint, account, object_id, created_s, api_version, livemode, \
                                  signed_s, received_ms, body_sha256, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        envelope.id,
        envelope.event_type,
        arrival.endpoint,
        envelope.account,
        arrival.object_id,
        arrival.created(),
        envelope.api_version,
        envelope.livemode,
        arrival.signed_at,
        stamp.now,
        digest,
        body
    ])?;
    let seq = db.last_insert_rowid();
    let mut started = Vec::new();
    for task in &arrival.tasks {
        if may_start(db, task)? {
            let is_stale = is_stale(db, &task.scope, task.object.as_deref(), task.moment)?;
            let id = insert_task(db, seq, task, State::Running, false, stamp)?;
            started.push(Claim {
                ticket: Ticket { task: id, fence: 1 },
                handler: task.handler,
                endpoint: Arc::clone(&arrival.endpoint),
                attempt: 1,
                is_replay: false,
                is_stale,
                body: envelope.body.clone(),
            });
        } else {
            insert_task(db, seq, task, State::Ready, false, stamp)?;
        }
    }
    failpoint("after-insert");
    Ok(RecordResult::New { started, id_is_reused: known.is_some() })
}

/// Whether a new task may start at once: its lane is empty, and unless the sender waits for its answer, no task is
/// accused.
fn may_start(db: &Connection, task: &NewTask) -> rusqlite::Result<bool> {
    let may = match task.at_once {
        StartMode::No => false,
        StartMode::IfFree => !is_any_accused(db)?,
        StartMode::Awaited => true,
    };
    let Some(lane) = task.lane.as_ref().filter(|_| may) else { return Ok(may) };
    db.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM inbox_task \
                            WHERE scope = ?1 AND lane = ?2 AND state <= 2 AND lane IS NOT NULL)",
    )?
    .query_row(params![task.scope, lane.key], |row| row.get(0))
}

/// Inserts a task of a stored event, due now or running, and returns its number. A running one has its first attempt
/// counted, so that a crash counts.
pub(super) fn insert_task(
    db: &Connection,
    event_seq: i64,
    task: &NewTask,
    state: State,
    replay: bool,
    stamp: Stamp,
) -> rusqlite::Result<i64> {
    let (lane, runs) = (task.lane.as_ref(), state == State::Running);
    db.prepare_cached(
        "INSERT INTO inbox_task (event_seq, handler, scope, object, lane, strict, moment, state, replay, due_ms, \
                                 started_ms, owner, attempt, fence) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
    )?
    .execute(params![
        event_seq,
        task.handler,
        task.scope,
        task.object,
        lane.map(|lane| &lane.key),
        lane.is_some_and(|lane| lane.strict),
        task.moment,
        state,
        replay,
        stamp.now,
        if runs { stamp.now } else { 0 },
        runs.then_some(stamp.session),
        runs
    ])?;
    Ok(db.last_insert_rowid())
}

/// Keeps a verified body that is not an event. Returns whether it is new.
pub(super) fn quarantine(db: &Connection, body: &[u8], reason: &str, now: i64) -> rusqlite::Result<bool> {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let deliveries: u64 = db
        .prepare_cached(
            "INSERT INTO inbox_quarantine (sha256, received_ms, reason, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (sha256) DO UPDATE SET deliveries = deliveries + 1 RETURNING deliveries",
        )?
        .query_row(params![digest, now, reason, body], |row| row.get(0))?;
    Ok(deliveries == 1)
}
