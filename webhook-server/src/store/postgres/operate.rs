//! What an operator changes: retry, skip, replay.
//!
//! Each function changes one task or event and returns whether it could. A running task belongs to its handler: neither a
//! retry nor a skip changes it, and a replay leaves it out.
//!
//! A closed task becomes open again while its event's row is locked. So the retention does not delete the event
//! meanwhile, and no handler gets two tasks of one event.

use tokio_postgres::Row;

use super::arrivals::Tasks;
use super::connection::Connection;
use super::finish::close;
use super::flush::{Statement, transaction};
use super::lanes::{LaneKey, promote};
use super::occurrences::{self, may_have};
use super::problem::Problem;
use super::quarantine::without_nul;
use super::values::Value;
use crate::store::{ATTEMPTS_KEPT, HandlerId, NewTask, Replayed};

/// Makes a waiting task (`$1`) of one of the handlers `$2` ready now.
pub(super) const RETRY_OPEN: &str = "
    UPDATE webhook.task t SET state = 0, due_ms = now_ms, attempt = 0, crashes = 0, suspect = 0
    WHERE id = $1 AND state IN (0, 2) AND handler = ANY ($2)
      AND EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq AND e.body IS NOT NULL)
    RETURNING id";

/// Makes a parked task (`$1`) of one of the handlers `$2` ready now.
pub(super) const RETRY_PARKED: &str = "
    WITH event AS MATERIALIZED (
        SELECT seq FROM webhook.event
        WHERE seq = (SELECT event_seq FROM webhook.ended WHERE id = $1) AND body IS NOT NULL FOR UPDATE),
    back AS (
        DELETE FROM webhook.ended t USING event
        WHERE t.id = $1 AND t.event_seq = event.seq AND t.state = 5 AND t.handler = ANY ($2)
        RETURNING t.id, t.event_seq, t.handler, t.scope, t.object, t.lane, t.moment, t.strict, t.replay, t.fence,
                  t.started_ms, t.error)
    INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, moment, strict, state, replay, fence, due_ms,
                              started_ms, error)
    SELECT id, event_seq, handler, scope, object, lane, moment, strict, 0, replay, fence, now_ms, started_ms, error
    FROM back RETURNING id";

/// Skips a waiting task (`$1`) for a reason (`$2`). Returns its lane.
pub(super) const SKIP_OPEN: &str = concat!(
    "WITH gone AS (
         DELETE FROM webhook.task WHERE id = $1 AND state IN (0, 2)
         RETURNING id, event_seq, handler, scope, object, lane, moment, strict, attempt, replay, fence, started_ms)",
    close!("4", "NULL", "0", "$2"),
    "RETURNING scope, lane"
);

/// Skips a parked task (`$1`) for a reason (`$2`). Returns its lane.
pub(super) const SKIP_PARKED: &str = "
    UPDATE webhook.ended SET state = 4, why = NULL, finished_ms = now_ms, error = $2
    WHERE id = $1 AND state = 5 RETURNING scope, lane";

/// Locks an event (`$1`), so that the next statements see all that was done to it. Returns whether it has a body.
pub(super) const LOCK: &str = "SELECT body IS NOT NULL FROM webhook.event WHERE seq = $1 FOR UPDATE";

/// What a replay (`$2` to `$8`) wants of the event `$1`, if that has a body.
macro_rules! wanted {
    () => {
        "WITH wanted AS MATERIALIZED (
             SELECT e.seq AS event_seq, w.* FROM webhook.event e,
                    unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY
                        AS w (handler, scope, object, lane, strict, moment, occurrence, nth)
             WHERE e.seq = $1 AND e.body IS NOT NULL)"
    };
}

/// Makes closed tasks ready, and keeps the attempts that had succeeded.
pub(super) const REPLAY_CLOSED: &str = concat!(
    wanted!(),
    ", back AS (
         DELETE FROM webhook.ended t USING wanted w WHERE t.event_seq = w.event_seq AND t.handler = w.handler
         RETURNING t.id, t.event_seq, t.handler, w.scope, t.object, w.lane, t.moment, w.strict, t.fence, t.started_ms,
                   t.state, t.attempt, t.finished_ms),
     done AS (
         INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome)
         SELECT id, attempt, started_ms, finished_ms, 4 FROM back WHERE state = 3 ORDER BY id)
     INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, moment, strict, state, replay, fence, due_ms,
                               started_ms)
     SELECT id, event_seq, handler, scope, object, lane, moment, strict, 0, true, fence, now_ms, started_ms
     FROM back RETURNING id"
);

/// Deletes all but the latest attempts (`$2` is how many are kept) of the open tasks of the event `$1`.
const TRIM_ATTEMPTS: &str = "
    DELETE FROM webhook.attempt a
    USING webhook.task t
    WHERE t.event_seq = $1 AND a.task = t.id
      AND a.id <= (SELECT o.id FROM webhook.attempt o WHERE o.task = t.id ORDER BY o.id DESC LIMIT 1 OFFSET $2)";

/// Makes the tasks that the event lacks, apart from those that its twin has.
pub(super) const REPLAY_NEW: &str = concat!(
    wanted!(),
    " INSERT INTO webhook.task (event_seq, handler, scope, object, lane, moment, strict, state, replay, due_ms)
      SELECT event_seq, handler, scope, object, lane, moment, strict, 0, true, now_ms FROM wanted w
      WHERE NOT EXISTS (SELECT 1 FROM webhook.task t WHERE t.event_seq = w.event_seq AND t.handler = w.handler)
        AND NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.event_seq = w.event_seq AND t.handler = w.handler)
        AND ",
    may_have!("w", "w.event_seq"),
    " ORDER BY nth ON CONFLICT DO NOTHING RETURNING id"
);

/// Makes a parked or waiting task ready now, with its full number of attempts, if it belongs to one of these handlers and
/// its event still has a body.
pub(super) async fn retry(db: &Connection, task: i64, handlers: &[HandlerId]) -> Result<bool, Problem> {
    let retries = [RETRY_OPEN, RETRY_PARKED].map(|text| Statement::new(text, &[&task, &handlers]));
    let rows = transaction(db, &retries).await?;
    Ok(rows.iter().flatten().next().is_some())
}

/// Skips a parked or waiting task, and makes the next task of its lane ready.
pub(super) async fn skip(db: &Connection, task: i64, reason: &str) -> Result<bool, Problem> {
    let reason = without_nul(reason);
    let skips = [SKIP_OPEN, SKIP_PARKED].map(|text| Statement::new(text, &[&task, &reason]));
    let rows = transaction(db, &skips).await?;
    let skipped: Vec<&Row> = rows.iter().flatten().collect();
    let mut lanes = Vec::new();
    for row in &skipped {
        if let Some(lane) = row.try_get(1)? {
            lanes.push(LaneKey { scope: row.try_get(0)?, lane });
        }
    }
    promote(db, &lanes).await?;
    Ok(!skipped.is_empty())
}

/// Runs handlers on an event again, or for the first time, however they ended before.
pub(super) async fn replay(db: &Connection, seq: i64, tasks: &[NewTask]) -> Result<Replayed, Problem> {
    let columns = Tasks::of([tasks].into_iter());
    let mut values: Vec<Value<'_>> = vec![&seq];
    values.extend(columns.values());
    values.push(&columns.occurrence);
    let wanted = |text| Statement::new(text, &values);
    let kept = ATTEMPTS_KEPT as i64;
    let trim = Statement::new(TRIM_ATTEMPTS, &[&seq, &kept]);
    let mut statements = vec![Statement::new(LOCK, &[&seq])];
    statements.extend(occurrences::take_for_replay(&seq, &columns));
    statements.extend([wanted(REPLAY_CLOSED), wanted(REPLAY_NEW), trim]);
    let rows = transaction(db, &statements).await?;
    let [event, ready @ ..] = &rows[..] else { return Ok(Replayed::Unknown) };
    match event.first().map(|row| row.try_get(0)).transpose()? {
        None => Ok(Replayed::Unknown),
        Some(false) => Ok(Replayed::NoBody),
        Some(true) => Ok(Replayed::Ready(ready.iter().flatten().count() as u64)),
    }
}
