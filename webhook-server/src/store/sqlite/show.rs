//! What an operator reads: events with everything that belongs to them, the quarantine, and counts.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{backlog, secrets};
use crate::store::{
    AttemptRow, Body, EndpointRow, EventRow, HandlerStats, QuarantineRow, Quarantined, State, Stats,
    StoredEvent, TaskRow,
};

/// The columns that [`task_row`] reads, in its order.
pub(super) const TASK: &str = "SELECT task.id, event_id, type, handler, state, why, attempt, received_ms, due_ms, finished_ms, error, \
                           CASE WHEN state IN (1, 3) THEN task.started_ms END, seq \
                    FROM inbox_task task JOIN inbox_event event ON event.seq = task.event_seq";

/// The columns that [`event_row`] reads, in its order.
pub(super) const EVENT: &str = "SELECT seq, event_id, type, account, object_id, created_s, api_version, livemode, \
                            received_ms, deliveries, changed_bodies, body IS NOT NULL, endpoint, secret_label, \
                            (SELECT json_group_array(json_array(endpoint, secret_label, received_ms) ORDER BY id) \
                             FROM inbox_event_endpoint WHERE event_seq = seq) \
                     FROM inbox_event event";

/// Reads a row of [`TASK`].
pub(super) fn task_row(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let state = row.get(4)?;
    Ok(TaskRow {
        task: row.get(0)?,
        cursor: row.get(12)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        handler: row.get(3)?,
        state,
        why: row.get(5)?,
        attempt: row.get(6)?,
        received_ms: row.get(7)?,
        due_ms: if state == State::Ready { row.get(8)? } else { None },
        finished_ms: row.get(9)?,
        error: row.get(10)?,
        started_ms: row.get(11)?,
    })
}

/// Reads a row of [`EVENT`].
pub(super) fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        cursor: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        account: row.get(3)?,
        object_id: row.get(4)?,
        created: row.get(5)?,
        api_version: row.get(6)?,
        livemode: row.get(7)?,
        received_ms: row.get(8)?,
        deliveries: row.get(9)?,
        changed_bodies: row.get(10)?,
        has_body: row.get(11)?,
        endpoints: endpoints(row)?,
    })
}

/// Reads the endpoints of a row of [`EVENT`], the first one first.
fn endpoints(row: &Row<'_>) -> rusqlite::Result<Vec<EndpointRow>> {
    let first = EndpointRow { endpoint: row.get(12)?, secret: row.get(13)?, received_ms: row.get(8)? };
    let others: Vec<(String, String, i64)> = serde_json::from_str(row.get_ref(14)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(14, Type::Text, error.into()))?;
    let others = others.into_iter().map(|(endpoint, secret, received_ms)| EndpointRow {
        endpoint,
        secret,
        received_ms,
    });
    Ok([first].into_iter().chain(others).collect())
}

/// Finds the events with an id, oldest first.
pub(super) fn events_with_id(db: &Connection, id: &str) -> rusqlite::Result<Vec<StoredEvent>> {
    let found: Vec<EventRow> = db
        .prepare_cached(&format!("{EVENT} WHERE event_id = ?1 ORDER BY seq"))?
        .query_map([id], event_row)?
        .collect::<Result<_, _>>()?;
    found.into_iter().map(|event| whole(db, event)).collect()
}

/// Adds to an event everything that belongs to it.
fn whole(db: &Connection, event: EventRow) -> rusqlite::Result<StoredEvent> {
    let tasks = db
        .prepare_cached(&format!("{TASK} WHERE task.event_seq = ?1 ORDER BY task.id"))?
        .query_map([event.cursor], task_row)?
        .collect::<Result<_, _>>()?;
    let attempts = db
        .prepare_cached(
            "SELECT task, inbox_attempt.attempt, inbox_attempt.started_ms, ended_ms, outcome, inbox_attempt.error \
             FROM inbox_attempt JOIN inbox_task ON inbox_task.id = task WHERE event_seq = ?1 \
             ORDER BY inbox_attempt.id",
        )?
        .query_map([event.cursor], attempt_row)?
        .collect::<Result<_, _>>()?;
    let body: Option<Vec<u8>> = db
        .prepare_cached("SELECT body FROM inbox_event WHERE seq = ?1")?
        .query_row([event.cursor], |row| row.get(0))?;
    let body = body.and_then(|body| String::from_utf8(body).ok());
    Ok(StoredEvent { event, tasks, attempts, body })
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        task: row.get(0)?,
        attempt: row.get(1)?,
        started_ms: row.get(2)?,
        ended_ms: row.get(3)?,
        outcome: row.get(4)?,
        error: row.get(5)?,
    })
}

/// The columns that [`quarantine_row`] reads, in its order.
const QUARANTINE: &str =
    "SELECT id, received_ms, deliveries, reason, length(body), body FROM inbox_quarantine";

/// Reads a row of [`QUARANTINE`], without its body.
fn quarantine_row(row: &Row<'_>) -> rusqlite::Result<QuarantineRow> {
    Ok(QuarantineRow {
        id: row.get(0)?,
        received_ms: row.get(1)?,
        deliveries: row.get(2)?,
        reason: row.get(3)?,
        bytes: row.get(4)?,
    })
}

/// Lists quarantined bodies, newest first.
pub(super) fn quarantined(db: &Connection, limit: usize) -> rusqlite::Result<Vec<QuarantineRow>> {
    let sql = format!("{QUARANTINE} ORDER BY id DESC LIMIT {limit}");
    db.prepare_cached(&sql)?.query_map([], quarantine_row)?.collect()
}

/// Finds the quarantined body with an id.
pub(super) fn quarantined_with_id(db: &Connection, id: i64) -> rusqlite::Result<Option<Quarantined>> {
    let read = |row: &Row<'_>| Ok(Quarantined { row: quarantine_row(row)?, body: Body::of(row.get(5)?) });
    db.prepare_cached(&format!("{QUARANTINE} WHERE id = ?1"))?.query_row([id], read).optional()
}

pub(super) fn handler_stats(row: &Row<'_>) -> rusqlite::Result<HandlerStats> {
    Ok(HandlerStats { handler: row.get(0)?, state: row.get(1)?, why: row.get(2)?, tasks: row.get(3)? })
}

/// Counts events and tasks. Reads whole indexes: the time grows with the file.
pub(super) fn stats(db: &Connection, now: i64) -> rusqlite::Result<Stats> {
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0));
    let handlers = db
        .prepare_cached(
            "SELECT handler, state, why, count(*) FROM inbox_task GROUP BY handler, state, why \
             ORDER BY handler, state, why",
        )?
        .query_map([], handler_stats)?
        .collect::<Result<_, _>>()?;
    Ok(Stats {
        is_estimated: false,
        events: count("SELECT count(*) FROM inbox_event")?,
        unhandled: count(
            "SELECT count(*) FROM inbox_event WHERE NOT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq)",
        )?,
        duplicates: count("SELECT coalesce(sum(deliveries - 1), 0) FROM inbox_event WHERE deliveries > 1")?,
        changed_bodies: count(
            "SELECT coalesce(sum(changed_bodies), 0) FROM inbox_event WHERE deliveries > 1",
        )?,
        quarantined: backlog::quarantined(db)?,
        oldest_due_ms: backlog::oldest_due(db, now)?,
        handlers,
        secrets: secrets::list(db)?,
    })
}
