//! Storing events: many in one transaction.
//!
//! Everything about an event happens in one transaction: the row of the event, its tasks, and the start of those tasks
//! that can run at once. So a 200 never stands for an event whose tasks are missing.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::Row;

use super::claim::{is_stale, may_work};
use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::secrets::Uses;
use super::session::Session;
use super::values::Value;
use crate::store::clock::StoreClock;
use crate::store::noted_uses::NotedUses;
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
                                 AND NOT EXISTS (SELECT 1 FROM webhook.task o
                                                 WHERE o.scope = k.scope AND o.lane = k.lane AND o.state = 1)
                                 AND NOT EXISTS (SELECT 1 FROM webhook.task o
                                                 WHERE o.scope = k.scope AND o.lane = k.lane AND o.lane IS NOT NULL
                                                   AND o.state IN (0, 2))) AS starts
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
    WHERE NOT EXISTS (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq AND t.handler = k.handler)
      AND NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.handler = k.handler)
    ON CONFLICT (event_seq, handler) DO NOTHING";

/// What a transaction (`$2` is its number) stored of the events with these ids (`$3`) whose outcome was unknown, and what it
/// started for this instance (`$1`).
const RECORDED: &str = concat!(
    "SELECT e.event_id, EXISTS (SELECT 1 FROM webhook.event o WHERE o.event_id = e.event_id AND o.seq < e.seq),
            t.id, t.handler, t.id IS NOT NULL AND ",
    is_stale!(),
    " FROM webhook.event e
      LEFT JOIN webhook.task t ON t.event_seq = e.seq AND t.state = 1 AND t.owner = $1 AND t.fence = 1
      WHERE e.event_id = ANY ($3) AND e.batch = $2 ORDER BY t.id"
);

/// Locks a known event, so that the next statement sees all that was done to it.
const LOCK: &str = "SELECT 1 FROM webhook.event
    WHERE event_id = $1 AND type = $2 AND coalesce(object_id, '') = coalesce($3, '') FOR UPDATE";

/// Counts the delivery of a known event. If it comes through this endpoint for the first time, adds the tasks that are this
/// endpoint's (`$9` to `$15`) and that it lacks; then it gets this delivery's body if its own was freed or was never kept.
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
         FROM unnest($9, $10, $11, $12, $13, $14, $15) WITH ORDINALITY
                  AS t (handler, scope, object, lane, strict, moment, start, nth)
         CROSS JOIN joined j
         WHERE NOT EXISTS (SELECT 1 FROM webhook.task o WHERE o.event_seq = j.event_seq AND o.handler = t.handler)
           AND NOT EXISTS (SELECT 1 FROM webhook.ended o WHERE o.event_seq = j.event_seq AND o.handler = t.handler)),
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

/// Which uses of secrets were noted lately, by a clock of this process.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) uses: NotedUses,
    pub(super) clock: StoreClock,
}

impl Noted {
    /// The uses of secrets that are to be noted with these arrivals.
    fn due<'a>(&self, arrivals: &[&'a Arrival]) -> Uses<'a> {
        let now = self.clock.now();
        let came_by = arrivals.iter().map(|arrival| &arrival.event.came_by);
        Uses::of(came_by.filter(|came_by| !self.uses.is_recent(came_by, now)))
    }

    /// Remembers what the last statement of a transaction has noted, if it had one for these uses.
    fn committed(&self, uses: &Uses<'_>, rows: &[Vec<Row>]) -> Result<(), Problem> {
        match (uses.statement(), rows.last()) {
            (Some(_), Some(rows)) => uses.committed(rows, &self.uses, self.clock.now()),
            _ => Ok(()),
        }
    }
}

/// A verified event that is to be stored.
pub(super) struct Arrival {
    pub(super) event: NewEvent,
    /// The SHA-256 of its body.
    pub(super) digest: Vec<u8>,
}

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
    let mut values: Vec<Value<'_>> = vec![&instance, &batch];
    values.extend(events.values());
    values.push(&tasks.event);
    values.extend(tasks.values());
    values.push(&tasks.start);
    let mut statements = vec![Statement::new(RECORD, &values)];
    let may_be_left_out = |task: &&NewTask| task.lane.is_some() && task.at_once != StartMode::No;
    let in_lanes: Vec<Vec<NewTask>> = arrivals
        .iter()
        .map(|arrival| arrival.event.tasks.iter().filter(may_be_left_out).cloned().collect())
        .collect();
    let left_out = Tasks::of(in_lanes.iter().map(|tasks| &**tasks));
    let ids: Vec<&str> = left_out.event.iter().filter_map(|nth| events.id(*nth)).collect();
    if !ids.is_empty() {
        let mut values: Vec<Value<'_>> = vec![&batch, &ids];
        values.extend(left_out.values());
        statements.push(Statement::new(RECORD_LEFT_OUT, &values));
    }
    let uses = noted.due(arrivals);
    statements.extend(uses.statement());
    let mut rows = transaction(db, &statements).await?;
    noted.committed(&uses, &rows)?;
    let mut rows = rows.swap_remove(0);
    if again {
        rows.extend(db.query(RECORDED, &[&instance, &batch, &events.event_id]).await?);
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
        Some(RecordResult::New { started: started.collect(), id_is_reused: first.get(1) })
    };
    Ok(arrivals.iter().map(result).collect())
}

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
    let mut statements = Vec::new();
    for index in &order {
        let (Some(known), Some(tasks)) = (known.get(*index), tasks.get(*index)) else { continue };
        statements.push(Statement::new(LOCK, &[&known.id, &known.event_type, &known.object_id]));
        let mut values: Vec<Value<'_>> = vec![&instance];
        values.extend(known.values());
        values.extend(tasks.values());
        values.push(&tasks.start);
        statements.push(Statement::new(RECORD_AGAIN, &values));
    }
    let uses = noted.due(arrivals);
    statements.extend(uses.statement());
    let rows = transaction(db, &statements).await?;
    noted.committed(&uses, &rows)?;
    let mut results: Vec<Option<RecordResult>> = arrivals.iter().map(|_| None).collect();
    // Every second statement has the rows.
    for (index, rows) in order.iter().zip(rows.iter().skip(1).step_by(2)) {
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

/// Reads a task that has started, if the row has one, from the columns after `column`.
fn started(row: &Row, column: usize, event: &NewEvent, endpoint: &Arc<str>, body: Bytes) -> Option<Claim> {
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
        body,
    })
}

/// Events by columns.
#[derive(Default)]
struct Events<'e> {
    event_id: Vec<&'e str>,
    event_type: Vec<&'e str>,
    endpoint: Vec<&'e str>,
    secret_label: Vec<&'e str>,
    account: Vec<Option<&'e str>>,
    object_id: Vec<Option<&'e str>>,
    created_s: Vec<Option<i64>>,
    api_version: Vec<Option<&'e str>>,
    livemode: Vec<bool>,
    signed_s: Vec<i64>,
    digest: Vec<&'e [u8]>,
    body: Vec<Option<&'e [u8]>>,
}

impl<'e> Events<'e> {
    fn of(arrivals: &[&'e Arrival]) -> Self {
        let mut events = Self::default();
        for Arrival { event, digest } in arrivals {
            let envelope = &*event.envelope;
            events.event_id.push(&envelope.id);
            events.event_type.push(&envelope.event_type);
            events.endpoint.push(&event.came_by.endpoint);
            events.secret_label.push(&event.came_by.secret.label);
            events.account.push(envelope.account.as_deref());
            events.object_id.push(event.object_id.as_deref());
            events.created_s.push(event.created());
            events.api_version.push(envelope.api_version.as_deref());
            events.livemode.push(envelope.livemode);
            events.signed_s.push(event.signed_at);
            events.digest.push(digest);
            // Without a handler, only the id is kept, so that duplicates are recognised.
            events.body.push((!event.tasks.is_empty()).then_some(&*envelope.body));
        }
        events
    }

    fn values(&self) -> [Value<'_>; 12] {
        [
            &self.event_id,
            &self.event_type,
            &self.endpoint,
            &self.secret_label,
            &self.account,
            &self.object_id,
            &self.created_s,
            &self.api_version,
            &self.livemode,
            &self.signed_s,
            &self.digest,
            &self.body,
        ]
    }

    /// The id of an event by its place, from 1.
    fn id(&self, nth: i64) -> Option<&'e str> {
        self.event_id.get(usize::try_from(nth - 1).ok()?).copied()
    }
}

/// Tasks by columns.
#[derive(Default)]
pub(super) struct Tasks<'t> {
    /// The place of the event, from 1.
    event: Vec<i64>,
    handler: Vec<&'t str>,
    scope: Vec<&'t str>,
    object: Vec<Option<&'t str>>,
    lane: Vec<Option<&'t str>>,
    strict: Vec<bool>,
    moment: Vec<i64>,
    /// 0 if it waits until it is claimed, 1 if it starts unless an accused task must run alone, 2 if it always starts.
    start: Vec<i32>,
}

impl<'t> Tasks<'t> {
    fn of(of_events: impl Iterator<Item = &'t [NewTask]>) -> Self {
        let mut tasks = Self::default();
        for (event, task) in
            (1..).zip(of_events).flat_map(|(event, tasks)| tasks.iter().map(move |task| (event, task)))
        {
            let lane = task.lane.as_ref();
            tasks.event.push(event);
            tasks.handler.push(task.handler);
            tasks.scope.push(&task.scope);
            tasks.object.push(task.object.as_deref());
            tasks.lane.push(lane.map(|lane| &*lane.key));
            tasks.strict.push(lane.is_some_and(|lane| lane.strict));
            tasks.moment.push(task.moment);
            tasks.start.push(match task.at_once {
                StartMode::No => 0,
                StartMode::IfFree => 1,
                StartMode::Awaited => 2,
            });
        }
        tasks
    }

    /// The columns from `handler` to `moment`.
    fn values(&self) -> [Value<'_>; 6] {
        [&self.handler, &self.scope, &self.object, &self.lane, &self.strict, &self.moment]
    }
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
