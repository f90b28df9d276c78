//! Storing events: many in one transaction.
//!
//! Everything about an event happens in one transaction: the row of the event, its tasks, and the start of those tasks
//! that can run at once. So a 200 never stands for an event whose tasks are missing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_postgres::Row;

use super::arrivals::{Arrival, Events, Noted, Tasks};
use super::claim::{is_stale, may_work};
use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::occurrences;
use super::problem::Problem;
use super::session::Session;
use super::values::Value;
use crate::store::{Claim, NewEvent, NewTask, RecordResult, StartMode, Ticket};

/// Inserts the tasks in the table `k`, in the order of `k.nth`, and starts those that start at once: nothing else is in the
/// lane, the task comes first there among the new ones, and unless its sender waits for the answer, no task is accused that
/// waits or runs here. `$1` is this instance.
///
/// The rows are inserted in the order of their lanes, so that two transactions never wait for each other. A lane that another
/// instance takes at the same moment leaves its task out.
macro_rules! insert_tasks {
    () => {
        concat!(
            "numbered AS MATERIALIZED (
                 SELECT nextval('webhook.task_id_seq') AS id, k.* FROM (
                     SELECT k.*, k.start > 0 AND ",
            may_work!(),
            "            AND (k.start = 2 OR NOT EXISTS (
                             SELECT 1 FROM webhook.task a
                             WHERE a.suspect = 1 AND a.crashes >= 2 AND (a.state <> 1 OR a.owner = $1)))
                         AND (k.lane IS NULL
                              OR k.nth_in_lane = 1
                                 AND (SELECT 1 FROM webhook.task o
                                      WHERE o.scope = k.scope AND o.lane = k.lane
                                      ORDER BY o.moment LIMIT 1) IS NULL) AS starts
                     FROM k ORDER BY k.nth) k),
             made AS (
                 INSERT INTO webhook.task AS t (id, event_seq, handler, scope, object, lane, strict, moment, state,
                                                due_ms, started_ms, owner, attempt, fence)
                 SELECT id, event_seq, handler, scope, object, lane, strict, moment, starts::int, now_ms,
                        CASE WHEN starts THEN now_ms ELSE 0 END, CASE WHEN starts THEN $1 END, starts::int, starts::int
                 FROM numbered ORDER BY scope, lane, nth
                 ON CONFLICT DO NOTHING
                 RETURNING t.id, t.event_seq, t.handler, t.state, ",
            is_stale!(),
            " AS is_stale)"
        )
    };
}
pub(super) use insert_tasks;

/// Stores events (`$3` to `$14`) that are not known, with their tasks (`$15` to `$22`, by the place of the event, from 1). `$2`
/// is the transaction's number. Returns a row for each event that is new, or several if several of its tasks have started.
const RECORD: &str = concat!(
    "WITH arrived AS MATERIALIZED (
         SELECT * FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY
             AS a (event_id, type, endpoint, secret_label, account, object_id, created_s, api_version, livemode,
                   signed_s, body_sha256, body, nth)),
     stored AS (
         INSERT INTO webhook.event (event_id, type, endpoint, secret_label, account, object_id, created_s, api_version,
                                    livemode, signed_s, body_sha256, body, received_ms, batch)
         SELECT event_id, type, endpoint, secret_label, account, object_id, created_s, api_version, livemode, signed_s,
                body_sha256, body, now_ms, $2
         FROM arrived a
         WHERE NOT EXISTS (SELECT 1 FROM webhook.event e
                           WHERE e.event_id = a.event_id AND e.type = a.type
                             AND coalesce(e.object_id, '') = coalesce(a.object_id, ''))
         ORDER BY event_id
         ON CONFLICT (event_id, type, coalesce(object_id, '')) DO NOTHING
         RETURNING seq, event_id),
     k AS MATERIALIZED (
         SELECT t.*, s.seq AS event_seq,
                row_number() OVER (PARTITION BY t.scope, t.lane ORDER BY t.moment, t.nth) AS nth_in_lane
         FROM unnest($15, $16, $17, $18, $19, $20, $21, $22) WITH ORDINALITY
                  AS t (event, handler, scope, object, lane, strict, moment, start, nth)
         JOIN arrived a ON a.nth = t.event JOIN stored s ON s.event_id = a.event_id),
     ",
    insert_tasks!(),
    " SELECT s.event_id, EXISTS (SELECT 1 FROM webhook.event o WHERE o.event_id = s.event_id), m.id, m.handler, m.is_stale
      FROM stored s LEFT JOIN made m ON m.event_seq = s.seq AND m.state = 1 ORDER BY m.id"
);

/// Inserts as ready those tasks (`$2` to `$8`, by the id of the event) of the transaction's own events (`$1` is its number) that
/// were left out, because another instance took their lane at the same moment.
const RECORD_LEFT_OUT: &str = "
    INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, strict, moment, state, due_ms)
    SELECT nextval('webhook.task_id_seq'), e.seq, k.handler, k.scope, k.object, k.lane, k.strict, k.moment, 0, now_ms
    FROM unnest($2, $3, $4, $5, $6, $7, $8) AS k (event_id, handler, scope, object, lane, strict, moment)
    JOIN webhook.event e ON e.event_id = k.event_id AND e.batch = $1
    WHERE (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
      AND (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
    ON CONFLICT DO NOTHING";

/// Writes the events with these ids (`$2`) that a transaction (`$1` is its number) has stored once more, as they are. If its
/// outcome was unknown, they may be committed here and not on a standby; the commit that follows waits for both.
const WRITE_AGAIN: &str = "UPDATE webhook.event SET batch = batch WHERE event_id = ANY ($2) AND batch = $1";

/// What a transaction (`$2` is its number) stored of the events with these ids (`$3`) whose outcome was unknown, and what it
/// started for this instance (`$1`).
const RECORDED: &str = concat!(
    "SELECT e.event_id, EXISTS (SELECT 1 FROM webhook.event o WHERE o.event_id = e.event_id AND o.seq < e.seq),
            t.id, t.handler, t.id IS NOT NULL AND ",
    is_stale!(),
    " FROM webhook.event e
      LEFT JOIN LATERAL (
          SELECT * FROM webhook.task
          WHERE event_seq = e.seq AND state = 1 AND owner IS NOT DISTINCT FROM $1 AND fence = 1 OFFSET 0) t ON true
      WHERE e.event_id = ANY ($3) AND e.batch = $2 ORDER BY t.id"
);

/// Stores the events that are not known. No two of them have the same id. Notes the uses of these secrets.
///
/// Returns what became of each; `None` for those that are known. `batch` is a number that no other transaction has. If the
/// outcome was unknown, this is called again with the same number: it then finds what the first call stored.
pub(super) async fn record(
    db: &Connection,
    session: &Session,
    batch: i64,
    arrivals: &[&Arrival],
    noted: &Noted,
    again: bool,
) -> Result<Vec<Option<RecordResult>>, Problem> {
    let instance = session.id();
    let events = Events::of(arrivals);
    let tasks = Tasks::of(arrivals.iter().map(|arrival| &*arrival.event.tasks));
    // Occurrences are taken between the events and the tasks.
    let (has_occurrences, none) = (tasks.has_occurrences(), Tasks::default());
    let with_events = if has_occurrences { &none } else { &tasks };
    let mut values: Vec<Value<'_>> = vec![&instance, &batch];
    values.extend(events.values());
    values.push(&with_events.event);
    values.extend(with_events.values());
    values.push(&with_events.start);
    let mut statements = vec![Statement::new(RECORD, &values)];
    let ids = if has_occurrences { events.ids_of(&tasks) } else { Vec::new() };
    if has_occurrences {
        statements.push(occurrences::take(&batch, &ids, &tasks));
        statements.push(occurrences::insert(&instance, &batch, &ids, &tasks));
    }
    let may_be_left_out = |task: &&NewTask| task.lane.is_some() && task.at_once != StartMode::No;
    let ready = |task: &NewTask| NewTask { at_once: StartMode::No, ..task.clone() };
    let in_lanes: Vec<Vec<NewTask>> = arrivals
        .iter()
        .map(|arrival| arrival.event.tasks.iter().filter(may_be_left_out).map(ready).collect())
        .collect();
    let left_out = Tasks::of(in_lanes.iter().map(|tasks| &**tasks));
    let ids_left_out = events.ids_of(&left_out);
    if !ids_left_out.is_empty() && has_occurrences {
        statements.push(occurrences::insert(&instance, &batch, &ids_left_out, &left_out));
    } else if !ids_left_out.is_empty() {
        let mut values: Vec<Value<'_>> = vec![&batch, &ids_left_out];
        values.extend(left_out.values());
        statements.push(Statement::new(RECORD_LEFT_OUT, &values));
    }
    if again {
        statements.push(Statement::new(WRITE_AGAIN, &[&batch, &events.event_id]));
    }
    let taken = statements.len();
    if has_occurrences {
        statements.push(occurrences::taken(&batch, &ids, &tasks));
    }
    let uses = noted.due(arrivals);
    statements.extend(uses.statement());
    let mut rows = transaction(db, &statements).await?;
    noted.committed(&uses, &rows)?;
    let taken = if has_occurrences { rows.swap_remove(taken) } else { Vec::new() };
    let inserted = if has_occurrences { rows.swap_remove(2) } else { Vec::new() };
    let mut rows = rows.swap_remove(0);
    rows.extend(inserted);
    if again {
        // Also those that were stored just now.
        rows = db.query(RECORDED, &[&instance, &batch, &events.event_id]).await?;
    }
    let mut of_events: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in &rows {
        of_events.entry(row.get(0)).or_default().push(row);
    }
    let result = |arrival: &&Arrival| {
        let rows = of_events.get(&*arrival.event.envelope.id)?;
        let first = rows.first()?;
        let started = rows.iter().filter_map(|row| {
            let body = arrival.event.envelope.body.clone();
            started(row, 2, &arrival.event, &arrival.event.came_by.endpoint, body)
        });
        let known_occurrences = occurrences::known(&arrival.event, &taken);
        Some(RecordResult::New { started: started.collect(), id_is_reused: first.get(1), known_occurrences })
    };
    Ok(arrivals.iter().map(result).collect())
}

/// Reads a task that has started, if the row has one, from the columns after `column`.
pub(super) fn started(
    row: &Row,
    column: usize,
    event: &NewEvent,
    endpoint: &Arc<str>,
    body: Bytes,
) -> Option<Claim> {
    let task = row.get::<_, Option<i64>>(column)?;
    let handler: &str = row.get(column + 1);
    let handler = event.tasks.iter().find(|task| task.handler == handler)?.handler;
    Some(Claim {
        ticket: Ticket { task, fence: 1 },
        handler,
        endpoint: Arc::clone(endpoint),
        attempt: 1,
        is_replay: false,
        is_stale: row.get(column + 2),
        overdue: Duration::ZERO,
        body,
    })
}
