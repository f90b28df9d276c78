//! Occurrences that Stripe may report by two events. The event that arrives first gets the handler's task.
//!
//! Two instances may store the two events at once. The database gives an occurrence to one of them: the other transaction waits for
//! the first, and then finds who has it. So a transaction takes what it needs in one order: the rows of events, then
//! occurrences, then tasks, each in their own order. No two transactions wait for each other.
//!
//! Here is what a transaction does besides, or instead, if a task of it has an occurrence. All others are spared it.

use tokio_postgres::Row;

use super::arrivals::{Arrival, Tasks};
use super::claim::{is_stale, may_work};
use super::flush::Statement;
use super::record::insert_tasks;
use super::values::Value;
use crate::store::NewEvent;

/// Takes the occurrences (`$2` to `$4`, by the id of the event) for the transaction's own events (`$1` is its number).
const TAKE: &str = "
    INSERT INTO webhook.occurrence (event_seq, handler, occurrence)
    SELECT e.seq, k.handler, k.occurrence
    FROM unnest($2, $3, $4) WITH ORDINALITY AS k (event_id, handler, occurrence, nth)
    JOIN webhook.event e ON e.event_id = k.event_id AND e.batch = $1
    WHERE k.occurrence IS NOT NULL
    ORDER BY k.handler, k.occurrence, k.nth
    ON CONFLICT (handler, occurrence) DO NOTHING";

/// Takes the occurrences (`$5` and `$6`) for known events, by their ids, types and objects (`$1` to `$3`), that come through an
/// endpoint (`$4`) for the first time. Their rows are locked.
const TAKE_AGAIN: &str = "
    INSERT INTO webhook.occurrence (event_seq, handler, occurrence)
    SELECT e.seq, k.handler, k.occurrence
    FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
             AS k (event_id, type, object_id, endpoint, handler, occurrence, nth)
    JOIN webhook.event e ON e.event_id = k.event_id AND e.type = k.type
                        AND coalesce(e.object_id, '') = coalesce(k.object_id, '')
    WHERE e.endpoint <> k.endpoint
      AND (SELECT 1 FROM webhook.event_endpoint p
           WHERE p.event_seq = e.seq AND p.endpoint = k.endpoint LIMIT 1) IS NULL
      AND (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
      AND (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
    ORDER BY k.handler, k.occurrence, k.nth
    ON CONFLICT (handler, occurrence) DO NOTHING";

/// Takes the occurrences (`$2` and `$3`) for the event `$1`, whose row is locked, if it has a body and lacks the task.
const TAKE_FOR_REPLAY: &str = "
    INSERT INTO webhook.occurrence (event_seq, handler, occurrence)
    SELECT e.seq, k.handler, k.occurrence
    FROM webhook.event e, unnest($2, $3) AS k (handler, occurrence)
    WHERE e.seq = $1 AND e.body IS NOT NULL AND k.occurrence IS NOT NULL
      AND (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
      AND (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.handler = k.handler LIMIT 1) IS NULL
    ORDER BY k.handler, k.occurrence
    ON CONFLICT (handler, occurrence) DO NOTHING";

/// Whether an event may have the task, by its occurrence. The first argument is what has the task's columns, the second is the
/// number of the event.
macro_rules! may_have {
    ($task:literal, $event_seq:literal) => {
        concat!(
            "(",
            $task,
            ".occurrence IS NULL
              OR (SELECT 1 FROM webhook.occurrence c
                  WHERE c.handler = ",
            $task,
            ".handler AND c.occurrence = ",
            $task,
            ".occurrence AND c.event_seq = ",
            $event_seq,
            " LIMIT 1) IS NOT NULL)"
        )
    };
}
pub(super) use may_have;

/// Inserts tasks (`$3` to `$11`, by the id of the event) of the transaction's own events (`$2` is its number), of which the event
/// has the occurrence and that are not there yet. Returns a row for each that has started.
const INSERT_TASKS: &str = concat!(
    "WITH k AS MATERIALIZED (
         SELECT t.*, e.seq AS event_seq,
                row_number() OVER (PARTITION BY t.scope, t.lane ORDER BY t.moment, t.nth) AS nth_in_lane
         FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11) WITH ORDINALITY
                  AS t (event_id, handler, scope, object, lane, strict, moment, start, occurrence, nth)
         JOIN webhook.event e ON e.event_id = t.event_id AND e.batch = $2
         WHERE ",
    may_have!("t", "e.seq"),
    "      AND (SELECT 1 FROM webhook.task o WHERE o.event_seq = e.seq AND o.handler = t.handler LIMIT 1) IS NULL
           AND (SELECT 1 FROM webhook.ended o WHERE o.event_seq = e.seq AND o.handler = t.handler LIMIT 1) IS NULL),
     ",
    insert_tasks!(),
    " SELECT e.event_id, false, m.id, m.handler, m.is_stale
      FROM made m JOIN webhook.event e ON e.seq = m.event_seq WHERE m.state = 1 ORDER BY m.id"
);

/// Returns the id of the event for each of the occurrences (`$2` to `$4`) that the transaction's own events (`$1` is its number)
/// have.
const TAKEN: &str = "
    SELECT k.event_id FROM unnest($2, $3, $4) AS k (event_id, handler, occurrence)
    JOIN webhook.event e ON e.event_id = k.event_id AND e.batch = $1
    WHERE (SELECT 1 FROM webhook.occurrence c
           WHERE c.handler = k.handler AND c.occurrence = k.occurrence AND c.event_seq = e.seq LIMIT 1) IS NOT NULL";

/// The statement that takes the occurrences of tasks, for events that are stored for the first time. `ids` are those of the
/// tasks' events.
pub(super) fn take<'v>(batch: Value<'v>, ids: Value<'v>, tasks: &'v Tasks<'_>) -> Statement<'v> {
    Statement::new(TAKE, &[batch, ids, &tasks.handler, &tasks.occurrence])
}

/// The statement that inserts tasks of which some have an occurrence.
pub(super) fn insert<'v>(
    instance: Value<'v>,
    batch: Value<'v>,
    ids: Value<'v>,
    tasks: &'v Tasks<'_>,
) -> Statement<'v> {
    let mut values = vec![instance, batch, ids];
    values.extend(tasks.values());
    values.extend([&tasks.start as Value<'_>, &tasks.occurrence]);
    Statement::new(INSERT_TASKS, &values)
}

/// The statement that finds out which occurrences were taken.
pub(super) fn taken<'v>(batch: Value<'v>, ids: Value<'v>, tasks: &'v Tasks<'_>) -> Statement<'v> {
    Statement::new(TAKEN, &[batch, ids, &tasks.handler, &tasks.occurrence])
}

/// How many tasks of an event were left out, given what [`taken`] has returned.
pub(super) fn known(event: &NewEvent, taken: &[Row]) -> usize {
    let wanted = event.tasks.iter().filter(|task| task.occurrence.is_some()).count();
    let of_event = |row: &&Row| row.get::<_, &str>(0) == event.envelope.id;
    if wanted == 0 { 0 } else { wanted.saturating_sub(taken.iter().filter(of_event).count()) }
}

/// The occurrences of the tasks that known events may get, by columns.
#[derive(Default)]
pub(super) struct Again<'t> {
    event_id: Vec<&'t str>,
    event_type: Vec<&'t str>,
    object_id: Vec<Option<&'t str>>,
    endpoint: Vec<&'t str>,
    handler: Vec<&'t str>,
    occurrence: Vec<&'t str>,
}

impl<'t> Again<'t> {
    pub(super) fn of(arrivals: &[&'t Arrival]) -> Self {
        let mut again = Self::default();
        for Arrival { event, .. } in arrivals {
            for task in event.tasks.iter().filter(|task| task.is_of_endpoint) {
                let Some(occurrence) = &task.occurrence else { continue };
                again.event_id.push(&event.envelope.id);
                again.event_type.push(&event.envelope.event_type);
                again.object_id.push(event.object_id.as_deref());
                again.endpoint.push(&event.came_by.endpoint);
                again.handler.push(task.handler);
                again.occurrence.push(occurrence);
            }
        }
        again
    }

    /// The statement that takes them, if there are any.
    pub(super) fn take(&self) -> Option<Statement<'_>> {
        let values: [Value<'_>; 6] = [
            &self.event_id,
            &self.event_type,
            &self.object_id,
            &self.endpoint,
            &self.handler,
            &self.occurrence,
        ];
        (!self.occurrence.is_empty()).then(|| Statement::new(TAKE_AGAIN, &values))
    }
}

/// The statement that takes the occurrences of tasks that are replayed, if there are any.
pub(super) fn take_for_replay<'v>(event_seq: Value<'v>, tasks: &'v Tasks<'_>) -> Option<Statement<'v>> {
    let values = [event_seq, &tasks.handler, &tasks.occurrence];
    tasks.has_occurrences().then(|| Statement::new(TAKE_FOR_REPLAY, &values))
}
