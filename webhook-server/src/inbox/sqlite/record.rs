//! Storing what arrives.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::claim::{self, Run};
use crate::failpoint::failpoint;
use crate::inbox::store::{Arrival, NewTask, Recorded};

/// Stores an event and its tasks, unless its id is known.
pub(super) fn record(db: &Connection, arrival: &Arrival, run: Run) -> rusqlite::Result<Recorded> {
    let digest: [u8; 32] = Sha256::digest(&arrival.body).into();
    let known: Option<(i64, bool)> = db
        .prepare_cached("SELECT seq, body_sha256 = ?2 FROM inbox_event WHERE event_id = ?1")?
        .query_row(params![arrival.event_id, digest], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((seq, same_body)) = known {
        db.prepare_cached(
            "UPDATE inbox_event SET deliveries = deliveries + 1, changed_bodies = changed_bodies + ?2 WHERE seq = ?1",
        )?
        .execute(params![seq, !same_body])?;
        return Ok(Recorded::Duplicate { same_body });
    }
    // What nobody handles is known by its id, so that a duplicate is told, and not kept.
    let body = (!arrival.tasks.is_empty()).then_some(&*arrival.body);
    let seq: i64 = db
        .prepare_cached(
            "INSERT INTO inbox_event (event_id, type, endpoint, account, object_id, created_s, api_version, livemode, \
                                      signed_s, received_ms, body_sha256, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING seq",
        )?
        .query_row(
            params![
                arrival.event_id,
                arrival.event_type,
                arrival.endpoint,
                arrival.account,
                arrival.object_id,
                arrival.created,
                arrival.api_version,
                arrival.livemode,
                arrival.signed_at,
                run.now,
                digest,
                body
            ],
            |row| row.get(0),
        )?;
    let mut tasks = Vec::with_capacity(arrival.tasks.len());
    for task in &arrival.tasks {
        tasks.push((insert_task(db, seq, task, false, run.now)?, task));
    }
    failpoint!("after-insert");
    let mut started = Vec::new();
    for (id, task) in tasks {
        if task.start && claim::may_start(db, id, task)? {
            started.push(claim::start(db, id, run)?);
        }
    }
    Ok(Recorded::New { started })
}

/// Makes a task of a stored event, due now.
pub(super) fn insert_task(
    db: &Connection,
    event_seq: i64,
    task: &NewTask,
    replay: bool,
    now: i64,
) -> rusqlite::Result<i64> {
    let lane = task.lane.as_ref();
    db.prepare_cached(
        "INSERT INTO inbox_task (event_seq, handler, object, lane, strict, created_s, state, replay, due_ms) \
         SELECT seq, ?2, coalesce(account, '') || '|' || object_id, ?3, ?4, coalesce(created_s, 0), 0, ?5, ?6 \
         FROM inbox_event WHERE seq = ?1 RETURNING id",
    )?
    .query_row(
        params![
            event_seq,
            task.handler,
            lane.map(|lane| &lane.key),
            lane.is_some_and(|lane| lane.strict),
            replay,
            now
        ],
        |row| row.get(0),
    )
}

/// Keeps a verified body that is no event. Returns whether it is new.
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
