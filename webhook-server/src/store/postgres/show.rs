//! What an operator reads: events with everything that belongs to them, and the quarantine.

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use crate::store::{
    AttemptRow, Body, EndpointRow, EventRow, QuarantineRow, Quarantined, StoredEvent, TaskRow,
};

/// Selects the columns that [`task_row`] reads, and more, of the open or the closed tasks `t` and their events `e`.
macro_rules! select_task {
    (task, $more:expr) => {
        select_task!(
            "NULL::smallint AS why",
            "CASE WHEN t.state = 0 THEN t.due_ms END AS due_ms",
            "NULL::bigint AS finished_ms",
            "CASE WHEN t.state = 1 THEN t.started_ms END AS started_ms",
            $more,
            "webhook.task"
        )
    };
    (ended, $more:expr) => {
        select_task!(
            "t.why",
            "NULL::bigint AS due_ms",
            "t.finished_ms",
            "CASE WHEN t.state = 3 THEN t.started_ms END AS started_ms",
            $more,
            "webhook.ended"
        )
    };
    ($why:literal, $due:literal, $finished:literal, $started:literal, $more:expr, $table:literal) => {
        concat!(
            "SELECT t.id, e.event_id, e.type, t.handler, t.state, ",
            $why,
            ", t.attempt, e.received_ms, ",
            $due,
            ", ",
            $finished,
            ", t.error, ",
            $started,
            ", e.seq",
            $more,
            " FROM ",
            $table,
            " t JOIN webhook.event e ON e.seq = t.event_seq"
        )
    };
}
pub(super) use select_task;

/// Selects the columns that [`event_row`] reads, and more, of the events `e`.
macro_rules! select_event {
    ($more:expr) => {
        concat!(
            "SELECT e.seq, e.event_id, e.type, e.account, e.object_id, e.created_s, e.api_version, e.livemode,
                    e.received_ms, e.deliveries, e.changed_bodies, e.body IS NOT NULL, e.endpoint, e.secret_label,
                    ARRAY (SELECT o.endpoint FROM webhook.event_endpoint o WHERE o.event_seq = e.seq ORDER BY o.id),
                    ARRAY (SELECT o.secret_label FROM webhook.event_endpoint o WHERE o.event_seq = e.seq ORDER BY o.id),
                    ARRAY (SELECT o.received_ms FROM webhook.event_endpoint o WHERE o.event_seq = e.seq ORDER BY o.id)",
            $more,
            " FROM webhook.event e"
        )
    };
}
pub(super) use select_event;

/// Finds the events with an id.
pub(super) const EVENTS_WITH_ID: &str = concat!(select_event!(""), " WHERE e.event_id = $1 ORDER BY e.seq");

/// Finds the tasks of events. The condition stands for both tables, so that neither is read whole.
pub(super) const TASKS_OF: &str = concat!(
    select_task!(task, ""),
    " WHERE t.event_seq = ANY ($1) AND e.seq = ANY ($1) UNION ALL ",
    select_task!(ended, ""),
    " WHERE t.event_seq = ANY ($1) AND e.seq = ANY ($1) ORDER BY id"
);

/// Finds the attempts of the tasks of events.
pub(super) const ATTEMPTS_OF: &str = "
    SELECT task, attempt, started_ms, ended_ms, outcome, error FROM webhook.attempt
    WHERE task = ANY (ARRAY (
        SELECT id FROM webhook.task WHERE event_seq = ANY ($1)
        UNION ALL
        SELECT id FROM webhook.ended WHERE event_seq = ANY ($1)))
    ORDER BY id";

/// Reads the bodies of events.
const BODIES_OF: &str = "SELECT seq, body FROM webhook.event WHERE seq = ANY ($1)";

/// Lists quarantined bodies.
/// The columns that [`quarantine_row`] reads, in its order, and others.
macro_rules! select_quarantined {
    ($more:literal) => {
        concat!(
            "SELECT id, received_ms, deliveries, reason, octet_length(body)::bigint",
            $more,
            " FROM webhook.quarantine "
        )
    };
}

pub(super) const QUARANTINED: &str = concat!(select_quarantined!(""), "ORDER BY id DESC LIMIT $1");

pub(super) const QUARANTINED_WITH_ID: &str = concat!(select_quarantined!(", body"), "WHERE id = $1");

/// Reads a row of [`select_task`].
pub(super) fn task_row(row: &Row) -> Result<TaskRow, Problem> {
    Ok(TaskRow {
        task: row.try_get(0)?,
        cursor: row.try_get(12)?,
        event_id: row.try_get(1)?,
        event_type: row.try_get(2)?,
        handler: row.try_get(3)?,
        state: row.try_get(4)?,
        why: row.try_get(5)?,
        attempt: row.try_get::<_, i32>(6)?.try_into().unwrap_or_default(),
        received_ms: row.try_get(7)?,
        due_ms: row.try_get(8)?,
        finished_ms: row.try_get(9)?,
        error: row.try_get(10)?,
        started_ms: row.try_get(11)?,
    })
}

/// Reads a row of [`select_event`].
pub(super) fn event_row(row: &Row) -> Result<EventRow, Problem> {
    Ok(EventRow {
        cursor: row.try_get(0)?,
        event_id: row.try_get(1)?,
        event_type: row.try_get(2)?,
        account: row.try_get(3)?,
        object_id: row.try_get(4)?,
        created: row.try_get(5)?,
        api_version: row.try_get(6)?,
        livemode: row.try_get(7)?,
        received_ms: row.try_get(8)?,
        deliveries: count(row, 9)?,
        changed_bodies: count(row, 10)?,
        has_body: row.try_get(11)?,
        endpoints: endpoints(row)?,
    })
}

/// Reads the endpoints of a row of [`select_event`], the first one first.
fn endpoints(row: &Row) -> Result<Vec<EndpointRow>, Problem> {
    let first =
        EndpointRow { endpoint: row.try_get(12)?, secret: row.try_get(13)?, received_ms: row.try_get(8)? };
    let (endpoints, secrets): (Vec<String>, Vec<String>) = (row.try_get(14)?, row.try_get(15)?);
    let times: Vec<i64> = row.try_get(16)?;
    let others = endpoints.into_iter().zip(secrets).zip(times);
    let others =
        others.map(|((endpoint, secret), received_ms)| EndpointRow { endpoint, secret, received_ms });
    Ok([first].into_iter().chain(others).collect())
}

/// Reads a number that is never negative.
pub(super) fn count(row: &Row, column: usize) -> Result<u64, Problem> {
    Ok(row.try_get::<_, i64>(column)?.try_into().unwrap_or_default())
}

/// Finds the events with an id, oldest first.
pub(super) async fn events_with_id(db: &Connection, id: &str) -> Result<Vec<StoredEvent>, Problem> {
    if id.contains('\0') {
        return Ok(Vec::new());
    }
    let events = db.query(EVENTS_WITH_ID, &[&id]).await?;
    let events: Vec<EventRow> = events.iter().map(event_row).collect::<Result<_, _>>()?;
    let seqs: Vec<i64> = events.iter().map(|event| event.cursor).collect();
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let of_events = [TASKS_OF, ATTEMPTS_OF, BODIES_OF].map(|text| Statement::new(text, &[&seqs]));
    let [tasks, attempts, bodies] = &transaction(db, &of_events).await?[..] else { return Ok(Vec::new()) };
    let attempts = attempts.iter().map(attempt_row).collect::<Result<Vec<_>, _>>()?;
    let mut whole = Vec::new();
    for event in events {
        let is_of_event =
            |column: usize| move |row: &&Row| row.try_get(column).is_ok_and(|seq: i64| seq == event.cursor);
        let body = bodies.iter().find(is_of_event(0)).map(|row| row.try_get::<_, Option<&[u8]>>(1));
        let body = body.transpose()?.flatten();
        let tasks = tasks.iter().filter(is_of_event(12)).map(task_row).collect::<Result<Vec<_>, _>>()?;
        let is_of_these = |attempt: &&AttemptRow| tasks.iter().any(|task| task.task == attempt.task);
        whole.push(StoredEvent {
            attempts: attempts.iter().filter(is_of_these).cloned().collect(),
            tasks,
            body: body.and_then(|body| String::from_utf8(body.to_vec()).ok()),
            event,
        });
    }
    Ok(whole)
}

fn attempt_row(row: &Row) -> Result<AttemptRow, Problem> {
    Ok(AttemptRow {
        task: row.try_get(0)?,
        attempt: row.try_get::<_, i32>(1)?.try_into().unwrap_or_default(),
        started_ms: row.try_get(2)?,
        ended_ms: row.try_get(3)?,
        outcome: row.try_get(4)?,
        error: row.try_get(5)?,
    })
}

/// Lists quarantined bodies, newest first.
pub(super) async fn quarantined(db: &Connection, limit: usize) -> Result<Vec<QuarantineRow>, Problem> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.query(QUARANTINED, &[&limit]).await?.iter().map(quarantine_row).collect()
}

/// Finds the quarantined body with an id.
pub(super) async fn quarantined_with_id(db: &Connection, id: i64) -> Result<Option<Quarantined>, Problem> {
    let rows = db.query(QUARANTINED_WITH_ID, &[&id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Quarantined { row: quarantine_row(row)?, body: Body::of(row.try_get(5)?) }))
}

/// Reads a row of [`select_quarantined`].
fn quarantine_row(row: &Row) -> Result<QuarantineRow, Problem> {
    Ok(QuarantineRow {
        id: row.try_get(0)?,
        received_ms: row.try_get(1)?,
        deliveries: count(row, 2)?,
        reason: row.try_get(3)?,
        bytes: count(row, 4)?,
    })
}
