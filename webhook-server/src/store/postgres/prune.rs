//! Freeing what was kept long enough.
//!
//! One step looks at the next [`PRUNE_STEP`] events in the order of arrival, and frees what is old enough:
//!
//! 1. events with a parked task, when all their parked tasks have been parked for `Retention::parked`;
//! 2. other events without open tasks, when they arrived before `ids` and their tasks ended before `bodies`;
//! 3. of the rest, the bodies whose events arrived, and whose tasks ended, before `bodies`.
//!
//! An open task keeps its event, however old it is.
//!
//! A step decides by what it sees at its start. It does not see what happens to an event before the step has locked the event's
//! row: that a task becomes open, such as by a replay, and may be closed again, or that the event comes through another endpoint. So the
//! last statement of the transaction looks again, and fails if something has lost its event. Then the step is rolled back and
//! taken again.

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::secrets;
use super::show::count;
use crate::failpoint::failpoint;
use crate::store::clock::millis;
use crate::store::{PRUNE_STEP, Pruned, Retention};

/// How often a step is taken again.
const TRIES: usize = 5;

/// Takes the chore for an instance (`$1`), unless another live instance has it.
const TAKE: &str = "
    INSERT INTO webhook.chore AS c (name, holder, until_ms) VALUES ('prune', $1, now_ms + 60000)
    ON CONFLICT (name) DO UPDATE SET holder = $1, until_ms = now_ms + 60000
    WHERE c.holder = $1 OR c.until_ms < now_ms OR c.holder IS NULL
       OR NOT EXISTS (SELECT 1 FROM webhook.instance i WHERE i.id = c.holder AND i.lease_until_ms > now_ms)
    RETURNING name";

/// Gives the chore back.
const GIVE_BACK: &str =
    "UPDATE webhook.chore SET holder = NULL, until_ms = 0 WHERE name = 'prune' AND holder = $1";

/// Finds the last of the next `$2` events after `$1`, how many they are, and whether it arrived in the last `$3`: then
/// later ones are too recent as well, unless its time is in the future, which says nothing.
pub(super) const SPAN: &str = "
    SELECT seq, count(*) OVER (), received_ms >= now_ms - $3 AND received_ms <= now_ms
    FROM (SELECT seq, received_ms FROM webhook.event WHERE seq > $1 ORDER BY seq LIMIT $2) span
    ORDER BY seq DESC LIMIT 1";

/// The tasks `t` of the event `e`. The step's span stands here too, so that a plan never reads all tasks.
macro_rules! tasks_of_event {
    ($table:literal) => {
        concat!(
            "SELECT 1 FROM ",
            $table,
            " t WHERE t.event_seq = e.seq AND t.event_seq > $1 AND t.event_seq <= $2"
        )
    };
}

/// The events `e` of one step that have no open task.
macro_rules! settled {
    () => {
        concat!("e.seq > $1 AND e.seq <= $2 AND NOT EXISTS (", tasks_of_event!("webhook.task"), ")")
    };
}

/// Whether a task of the event `e` is parked.
macro_rules! is_parked {
    () => {
        concat!("EXISTS (", tasks_of_event!("webhook.ended"), " AND t.state = 5)")
    };
}

/// Every task of the event `e` ended more than `$3` ago.
macro_rules! has_ended {
    () => {
        concat!("NOT EXISTS (", tasks_of_event!("webhook.ended"), " AND t.finished_ms >= now_ms - $3)")
    };
}

/// Deletes events: `$3` is how long bodies are kept, `$4` ids, `$5` what is parked. Leaves out
/// those that an operator's command has locked. Returns how many there were, and how many of them had a parked task.
pub(super) const DELETE: &str = concat!(
    "WITH old AS MATERIALIZED (
         SELECT e.seq, ",
    is_parked!(),
    " AS is_parked FROM webhook.event e WHERE ",
    settled!(),
    " AND CASE WHEN ",
    is_parked!(),
    " THEN NOT EXISTS (",
    tasks_of_event!("webhook.ended"),
    " AND t.state = 5 AND t.finished_ms >= now_ms - $5)
      ELSE e.received_ms < now_ms - $4 AND ",
    has_ended!(),
    " END
         ORDER BY e.seq FOR UPDATE OF e SKIP LOCKED),
     attempts AS (
         DELETE FROM webhook.attempt WHERE task = ANY (ARRAY (
             SELECT t.id FROM webhook.ended t WHERE t.event_seq = ANY (ARRAY (SELECT seq FROM old))))),
     tasks AS (DELETE FROM webhook.ended WHERE event_seq = ANY (ARRAY (SELECT seq FROM old))),
     endpoints AS (DELETE FROM webhook.event_endpoint WHERE event_seq = ANY (ARRAY (SELECT seq FROM old))),
     events AS (DELETE FROM webhook.event WHERE seq = ANY (ARRAY (SELECT seq FROM old)))
     SELECT count(*), count(*) FILTER (WHERE is_parked) FROM old"
);

/// Frees bodies, which are kept for `$3`.
pub(super) const EMPTY: &str = concat!(
    "WITH old AS MATERIALIZED (
         SELECT e.seq FROM webhook.event e WHERE ",
    settled!(),
    " AND e.body IS NOT NULL AND e.received_ms < now_ms - $3 AND NOT ",
    is_parked!(),
    " AND ",
    has_ended!(),
    "    ORDER BY e.seq FOR UPDATE OF e SKIP LOCKED)
     UPDATE webhook.event SET body = NULL WHERE seq = ANY (ARRAY (SELECT seq FROM old)) RETURNING 1"
);

/// Fails, by dividing by zero, if an open task has lost its event or its body, or anything else of an event the event.
pub(super) const LOOK_AGAIN: &str = "
    WITH kept AS MATERIALIZED (
        SELECT seq, body IS NOT NULL AS has_body FROM webhook.event WHERE seq > $1 AND seq <= $2)
    SELECT 1 / CASE WHEN EXISTS (
        SELECT 1 FROM webhook.task t WHERE t.event_seq > $1 AND t.event_seq <= $2
          AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.seq = t.event_seq AND kept.has_body))
    OR EXISTS (
        SELECT 1 FROM webhook.ended t WHERE t.event_seq > $1 AND t.event_seq <= $2
          AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.seq = t.event_seq))
    OR EXISTS (
        SELECT 1 FROM webhook.event_endpoint p WHERE p.event_seq > $1 AND p.event_seq <= $2
          AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.seq = p.event_seq)) THEN 0 ELSE 1 END";

/// Deletes the occurrences of events that are deleted, also by instances of an earlier version, which leave them.
pub(super) const FORGET_OCCURRENCES: &str = "
    DELETE FROM webhook.occurrence c
    WHERE c.event_seq > $1 AND c.event_seq <= $2
      AND NOT EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = c.event_seq AND e.seq > $1 AND e.seq <= $2)";

/// Deletes quarantined bodies that arrived more than `$1` ago.
const DELETE_QUARANTINED: &str = "DELETE FROM webhook.quarantine WHERE received_ms < now_ms - $1";

/// Takes one step from `cursor`, unless another instance is pruning. The first step (`cursor` 0) also frees old
/// quarantined bodies and secrets.
pub(super) async fn prune(
    db: &Connection,
    instance: i64,
    keep: &Retention,
    cursor: i64,
) -> Result<Pruned, Problem> {
    let mut pruned = Pruned::default();
    if db.query(TAKE, &[&instance]).await?.is_empty() {
        return Ok(pruned);
    }
    let (bodies, ids, parked) = (millis(keep.bodies), millis(keep.ids), millis(keep.parked));
    let (most, recent) = (PRUNE_STEP as i64, bodies.min(ids).min(parked));
    if let Some(span) = db.query(SPAN, &[&cursor, &most, &recent]).await?.first() {
        let (last, seen, is_recent): (i64, i64, bool) =
            (span.try_get(0)?, span.try_get(1)?, span.try_get(2)?);
        let delete = Statement::new(DELETE, &[&cursor, &last, &bodies, &ids, &parked]);
        let empty = Statement::new(EMPTY, &[&cursor, &last, &bodies]);
        let forget = Statement::new(FORGET_OCCURRENCES, &[&cursor, &last]);
        let step = [delete, empty, forget, Statement::new(LOOK_AGAIN, &[&cursor, &last])];
        pruned = take_step(db, &step).await?;
        pruned.next = (seen == most && !is_recent).then_some(last);
    }
    failpoint("mid-prune");
    if cursor == 0 {
        pruned.quarantined = db.execute(DELETE_QUARANTINED, &[&parked]).await?;
        secrets::forget(db).await?;
    }
    if pruned.next.is_none() {
        db.execute(GIVE_BACK, &[&instance]).await?;
    }
    Ok(pruned)
}

/// Deletes and empties the events of a step, in one transaction. Frees nothing if every try collides.
async fn take_step(db: &Connection, step: &[Statement<'_>]) -> Result<Pruned, Problem> {
    let mut pruned = Pruned::default();
    for _ in 0..TRIES {
        let rows = match transaction(db, step).await {
            Ok(rows) => rows,
            Err(Problem::Refused(_) | Problem::Collided(_)) => continue,
            Err(problem) => return Err(problem),
        };
        if let [deleted, emptied, ..] = &rows[..] {
            pruned.bodies = emptied.len() as u64;
            for row in deleted {
                (pruned.events, pruned.parked) = (count(row, 0)?, count(row, 1)?);
            }
        }
        break;
    }
    Ok(pruned)
}
