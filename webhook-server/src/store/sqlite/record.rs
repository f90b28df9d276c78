//! Storing events.
//!
//! Everything about one event happens in one transaction: the row of the event, its tasks, and the start of those tasks
//! that can run at once. So a 200 never stands for an event whose tasks are missing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::occurrences;
use super::session::Stamp;
use crate::failpoint::failpoint;
use crate::store::{ACCUSED, CameBy, Claim, NewEvent, NewTask, RecordResult, StartMode, State, Ticket};

/// The SHA-256 of a body, by which a later delivery is compared with it.
pub(super) type BodyDigest = [u8; 32];

/// Computes the digest of a body.
pub(super) fn digest_of(body: &[u8]) -> BodyDigest {
    Sha256::digest(body).into()
}

/// Stores an event and its tasks, unless it is known by its id, type and object. `digest` is that of its body. The caller
/// notes the use of the secret.
pub(super) fn record(
    db: &Connection,
    arrival: &NewEvent,
    digest: &BodyDigest,
    stamp: Stamp<'_>,
) -> rusqlite::Result<RecordResult> {
    let envelope = &*arrival.envelope;
    let nth_of_id = match find(db, arrival, digest)? {
        Found::Known(known) => return record_again(db, arrival, &known, digest, stamp),
        Found::Others(others) => others,
    };
    // Without a handler, only the id is kept, so that duplicates are recognised.
    let body = (!arrival.tasks.is_empty()).then_some(&*envelope.body);
    let seq = stamp.numbers.next_event();
    db.prepare_cached(
        "INSERT INTO inbox_event (seq, event_id, nth_of_id, type, endpoint, secret_label, account, object_id, \
                                  created_s, api_version, livemode, signed_s, received_ms, body_sha256, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        seq,
        envelope.id,
        nth_of_id,
        envelope.event_type,
        arrival.came_by.endpoint,
        arrival.came_by.secret.label,
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
    let event = Event { seq, endpoint: &arrival.came_by.endpoint, body: &envelope.body };
    let (mut started, mut known_occurrences) = (Vec::new(), 0);
    for task in &arrival.tasks {
        if occurrences::take(db, seq, task)? {
            started.extend(add_task(db, &event, task, stamp)?);
        } else {
            known_occurrences += 1;
        }
    }
    failpoint("after-insert");
    Ok(RecordResult::New { started, id_is_reused: nth_of_id > 0, known_occurrences })
}

/// What is stored under an event's id.
enum Found {
    /// The event itself.
    Known(Known),
    /// Only events of other types or objects: the next one has this number.
    Others(i64),
}

/// Finds what is stored under an event's id: hardly ever more than one event.
fn find(db: &Connection, arrival: &NewEvent, digest: &BodyDigest) -> rusqlite::Result<Found> {
    let envelope = &*arrival.envelope;
    let mut of_id = db.prepare_cached(
        "SELECT nth_of_id, type = ?2 AND object_id IS ?3, seq, body_sha256 = ?4, endpoint \
         FROM inbox_event WHERE event_id = ?1 ORDER BY nth_of_id",
    )?;
    let mut of_id = of_id.query(params![envelope.id, envelope.event_type, arrival.object_id, digest])?;
    let mut next = 0;
    while let Some(row) = of_id.next()? {
        next = row.get::<_, i64>(0)? + 1;
        if row.get(1)? {
            return Ok(Found::Known(Known {
                seq: row.get(2)?,
                same_body: row.get(3)?,
                endpoint: row.get(4)?,
            }));
        }
    }
    Ok(Found::Others(next))
}

/// An event that was stored before.
struct Known {
    seq: i64,
    /// Whether this delivery has the same body.
    same_body: bool,
    /// Through which it came first.
    endpoint: Arc<str>,
}

/// Counts the delivery of a known event. If it comes through this endpoint for the first time, adds the tasks that are
/// this endpoint's and that it lacks.
fn record_again(
    db: &Connection,
    arrival: &NewEvent,
    known: &Known,
    digest: &BodyDigest,
    stamp: Stamp<'_>,
) -> rusqlite::Result<RecordResult> {
    let Known { seq, same_body, .. } = *known;
    db.prepare_cached(
        "UPDATE inbox_event SET deliveries = deliveries + 1, changed_bodies = changed_bodies + ?2 WHERE seq = ?1",
    )?
    .execute(params![seq, !same_body])?;
    let (mut started, mut added) = (Vec::new(), 0);
    if !is_new_endpoint(db, known, &arrival.came_by, stamp)? {
        return Ok(RecordResult::Duplicate { started, added, same_body });
    }
    let mut stored = None;
    for task in arrival.tasks.iter().filter(|task| task.is_of_endpoint) {
        let is_there: bool = db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = ?1 AND handler = ?2)")?
            .query_row(params![seq, task.handler], |row| row.get(0))?;
        if is_there || !occurrences::take(db, seq, task)? {
            continue;
        }
        let body = match stored.take() {
            Some(body) => body,
            None => keep_body(db, arrival, known, digest)?,
        };
        let event = Event { seq, endpoint: &known.endpoint, body: &body };
        started.extend(add_task(db, &event, task, stamp)?);
        stored = Some(body);
        added += 1;
    }
    failpoint("after-insert");
    Ok(RecordResult::Duplicate { started, added, same_body })
}

/// Notes the endpoint through which a known event comes. Returns whether it is the first time.
fn is_new_endpoint(
    db: &Connection,
    known: &Known,
    came_by: &CameBy,
    stamp: Stamp<'_>,
) -> rusqlite::Result<bool> {
    if known.endpoint == came_by.endpoint {
        return Ok(false);
    }
    let added = db
        .prepare_cached(
            "INSERT INTO inbox_event_endpoint (event_seq, endpoint, secret_label, received_ms) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (event_seq, endpoint) DO NOTHING",
        )?
        .execute(params![known.seq, came_by.endpoint, came_by.secret.label, stamp.now])?;
    Ok(added == 1)
}

/// Makes sure that a known event has a body, since it gets a task: if its own was freed, or was never kept, it gets this
/// delivery's. Returns the body that it has.
fn keep_body(
    db: &Connection,
    arrival: &NewEvent,
    known: &Known,
    digest: &BodyDigest,
) -> rusqlite::Result<Bytes> {
    let body = &arrival.envelope.body;
    let kept = db
        .prepare_cached("UPDATE inbox_event SET body = ?2, body_sha256 = ?3 WHERE seq = ?1 AND body IS NULL")?
        .execute(params![known.seq, &**body, digest])?;
    if kept == 1 || known.same_body {
        return Ok(body.clone());
    }
    let stored: Vec<u8> = db
        .prepare_cached("SELECT body FROM inbox_event WHERE seq = ?1")?
        .query_row([known.seq], |row| row.get(0))?;
    Ok(stored.into())
}

/// A stored event that gets tasks.
struct Event<'e> {
    seq: i64,
    /// Through which it came first.
    endpoint: &'e Arc<str>,
    body: &'e Bytes,
}

/// Adds a task to an event, and starts it if it may start at once.
fn add_task(
    db: &Connection,
    event: &Event<'_>,
    task: &NewTask,
    stamp: Stamp<'_>,
) -> rusqlite::Result<Option<Claim>> {
    let Some(start) = start_of(db, task)? else {
        insert_task(db, event.seq, task, State::Ready, false, stamp)?;
        return Ok(None);
    };
    let id = insert_task(db, event.seq, task, State::Running, false, stamp)?;
    Ok(Some(Claim {
        ticket: Ticket { task: id, fence: 1 },
        handler: task.handler,
        endpoint: Arc::clone(event.endpoint),
        attempt: 1,
        is_replay: false,
        is_stale: start.is_stale,
        overdue: Duration::ZERO,
        body: event.body.clone(),
    }))
}

/// The start of a new task.
struct Start {
    /// Whether a newer event of the same object is already done in its scope.
    is_stale: bool,
}

/// Finds out whether a new task may start at once: its lane is empty, and unless the sender waits for its answer, no task
/// is accused. One statement, since this happens for most events.
fn start_of(db: &Connection, task: &NewTask) -> rusqlite::Result<Option<Start>> {
    if task.at_once == StartMode::No {
        return Ok(None);
    }
    let lane = task.lane.as_ref().map(|lane| &lane.key);
    // As in `claim::is_stale`.
    let object = task.object.as_ref().filter(|_| task.moment != 0);
    let (is_any_accused, is_lane_taken, is_stale): (bool, bool, bool) = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM inbox_task WHERE suspect = 1 AND state <= 2 AND crashes >= ?1), \
                    EXISTS (SELECT 1 FROM inbox_task WHERE scope = ?2 AND lane = ?3 AND state = 1) \
                    OR EXISTS (SELECT 1 FROM inbox_task \
                               WHERE scope = ?2 AND lane = ?3 AND state IN (0, 2) AND lane IS NOT NULL), \
                    EXISTS (SELECT 1 FROM inbox_task \
                            WHERE scope = ?2 AND object = ?4 AND state = 3 AND object IS NOT NULL AND moment > ?5)",
        )?
        .query_row(params![ACCUSED, task.scope, lane, object, task.moment], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let must_wait = is_lane_taken || is_any_accused && task.at_once == StartMode::IfFree;
    Ok((!must_wait).then_some(Start { is_stale }))
}

/// Inserts a task of a stored event, due now or running, and returns its number. A running one has its first attempt
/// counted, so that a crash counts.
pub(super) fn insert_task(
    db: &Connection,
    event_seq: i64,
    task: &NewTask,
    state: State,
    replay: bool,
    stamp: Stamp<'_>,
) -> rusqlite::Result<i64> {
    let (lane, runs) = (task.lane.as_ref(), state == State::Running);
    let id = stamp.numbers.next_task();
    db.prepare_cached(
        "INSERT INTO inbox_task (id, event_seq, handler, scope, object, lane, strict, moment, state, replay, due_ms, \
                                 started_ms, owner, attempt, fence) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
    )?
    .execute(params![
        id,
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
    Ok(id)
}
