//! Counting the deliveries of events that are known, and adding the tasks of an endpoint through which one comes for the first
//! time.

use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::Row;

use super::arrivals::{Arrival, Noted, Tasks};
use super::claim::{is_stale, may_work};
use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::occurrences::{Again, may_have};
use super::problem::Problem;
use super::record::{insert_tasks, started};
use super::session::Session;
use super::values::Value;
use crate::store::{NewEvent, NewTask, RecordResult};

/// Locks a known event, so that the next statement sees all that was done to it.
const LOCK: &str = "SELECT 1 FROM webhook.event
    WHERE event_id = $1 AND type = $2 AND coalesce(object_id, '') = coalesce($3, '') FOR UPDATE";

/// Counts the delivery of a known event. If it comes through this endpoint for the first time, adds the tasks that are this
/// endpoint's (`$9` to `$16`) and that it lacks; then it gets this delivery's body if its own was freed or was never kept.
const RECORD_AGAIN: &str = concat!(
    "WITH known AS MATERIALIZED (
         SELECT seq, endpoint, body_sha256 = $7 AS same_body, body IS NULL AS is_empty FROM webhook.event
         WHERE event_id = $2 AND type = $3 AND coalesce(object_id, '') = coalesce($4, '')),
     joined AS (
         INSERT INTO webhook.event_endpoint (event_seq, endpoint, secret_label, received_ms)
         SELECT seq, $5, $6, now_ms FROM known WHERE endpoint <> $5
         ON CONFLICT (event_seq, endpoint) DO NOTHING RETURNING event_seq),
     k AS MATERIALIZED (
         SELECT t.*, j.event_seq, row_number() OVER (PARTITION BY t.scope, t.lane ORDER BY t.nth) AS nth_in_lane
         FROM unnest($9, $10, $11, $12, $13, $14, $15, $16) WITH ORDINALITY
                  AS t (handler, scope, object, lane, strict, moment, start, occurrence, nth)
         CROSS JOIN joined j
         WHERE ",
    may_have!("t", "j.event_seq"),
    "      AND (SELECT 1 FROM webhook.task o
                WHERE o.event_seq = j.event_seq AND o.handler = t.handler LIMIT 1) IS NULL
           AND (SELECT 1 FROM webhook.ended o
                WHERE o.event_seq = j.event_seq AND o.handler = t.handler LIMIT 1) IS NULL),
     counted AS (
         UPDATE webhook.event e
         SET deliveries = deliveries + 1, changed_bodies = changed_bodies + (NOT known.same_body)::int,
             body = CASE WHEN known.is_empty AND EXISTS (SELECT 1 FROM k) THEN $8 ELSE body END,
             body_sha256 = CASE WHEN known.is_empty AND EXISTS (SELECT 1 FROM k) THEN $7 ELSE body_sha256 END
         FROM known WHERE e.seq = known.seq),
     ",
    insert_tasks!(),
    " SELECT known.endpoint, known.same_body, (SELECT count(*) FROM made),
             CASE WHEN NOT known.is_empty AND NOT known.same_body AND m.id IS NOT NULL
                  THEN (SELECT body FROM webhook.event e WHERE e.seq = known.seq) END,
             m.id, m.handler, m.is_stale
      FROM known LEFT JOIN made m ON m.state = 1 ORDER BY m.id"
);

/// Counts the deliveries of known events. Returns `None` for an event that was deleted meanwhile.
pub(super) async fn record_again(
    db: &Connection,
    session: &Session,
    arrivals: &[&Arrival],
    noted: &Noted,
) -> Result<Vec<Option<RecordResult>>, Problem> {
    let instance = session.id();
    let own: Vec<Vec<NewTask>> = arrivals
        .iter()
        .map(|arrival| arrival.event.tasks.iter().filter(|task| task.is_of_endpoint).cloned().collect())
        .collect();
    let tasks: Vec<Tasks<'_>> = own.iter().map(|tasks| Tasks::of([&**tasks].into_iter())).collect();
    let known: Vec<Known<'_>> = arrivals.iter().map(|arrival| Known::of(arrival)).collect();
    // In one order, so that two transactions never wait for each other.
    let mut order: Vec<usize> = (0..arrivals.len()).collect();
    order.sort_by_key(|index| known.get(*index).map(Known::identity));
    let locks = order.iter().filter_map(|index| known.get(*index));
    let mut statements: Vec<Statement<'_>> =
        locks.map(|it| Statement::new(LOCK, &[&it.id, &it.event_type, &it.object_id])).collect();
    let occurrences = Again::of(arrivals);
    statements.extend(occurrences.take());
    let first = statements.len();
    for index in &order {
        let (Some(known), Some(tasks)) = (known.get(*index), tasks.get(*index)) else { continue };
        let mut values: Vec<Value<'_>> = vec![&instance];
        values.extend(known.values());
        values.extend(tasks.values());
        values.extend([&tasks.start as Value<'_>, &tasks.occurrence]);
        statements.push(Statement::new(RECORD_AGAIN, &values));
    }
    let uses = noted.due(arrivals);
    statements.extend(uses.statement());
    let rows = transaction(db, &statements).await?;
    noted.committed(&uses, &rows)?;
    let mut results: Vec<Option<RecordResult>> = arrivals.iter().map(|_| None).collect();
    for (index, rows) in order.iter().zip(rows.iter().skip(first)) {
        if let (Some(result), Some(arrival)) = (results.get_mut(*index), arrivals.get(*index)) {
            *result = duplicate(rows, &arrival.event);
        }
    }
    Ok(results)
}

/// Reads what became of a known event.
fn duplicate(rows: &[Row], event: &NewEvent) -> Option<RecordResult> {
    let first = rows.first()?;
    let endpoint: Arc<str> = first.get::<_, &str>(0).into();
    let started = rows.iter().filter_map(|row| {
        let stored: Option<&[u8]> = row.get(3);
        let body = stored.map_or_else(|| event.envelope.body.clone(), Bytes::copy_from_slice);
        started(row, 4, event, &endpoint, body)
    });
    Some(RecordResult::Duplicate {
        started: started.collect(),
        added: usize::try_from(first.get::<_, i64>(2)).unwrap_or_default(),
        same_body: first.get(1),
    })
}

/// A known event that was delivered again.
struct Known<'e> {
    id: &'e str,
    event_type: &'e str,
    object_id: Option<&'e str>,
    endpoint: &'e str,
    secret_label: &'e str,
    digest: &'e [u8],
    body: &'e [u8],
}

impl<'e> Known<'e> {
    fn of(arrival: &'e Arrival) -> Self {
        let Arrival { event, digest } = arrival;
        Self {
            id: &event.envelope.id,
            event_type: &event.envelope.event_type,
            object_id: event.object_id.as_deref(),
            endpoint: &event.came_by.endpoint,
            secret_label: &event.came_by.secret.label,
            digest,
            body: &event.envelope.body,
        }
    }

    fn identity(&self) -> (&'e str, &'e str, Option<&'e str>) {
        (self.id, self.event_type, self.object_id)
    }

    fn values(&self) -> [Value<'_>; 7] {
        [
            &self.id,
            &self.event_type,
            &self.object_id,
            &self.endpoint,
            &self.secret_label,
            &self.digest,
            &self.body,
        ]
    }
}
