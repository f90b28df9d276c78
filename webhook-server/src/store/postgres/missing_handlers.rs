//! Parking the tasks of handlers that no live instance has, and resuming those of handlers that are back.
//!
//! A deploy may bring a handler back, so it must have been missing for a while, unless there is only one instance.
//!
//! Both go in steps, so that no statement takes long, however many tasks there are; what is left after a while waits for the next
//! heartbeat. Both lock the handler's row in `missing_handler`: tasks that are parked while their handler comes back are seen by
//! the instance that has it, before it forgets that the handler was missing.

use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::connection::Connection;
use super::finish::close;
use super::flush::{Statement, transaction};
use super::lanes::{LaneKey, promote};
use super::problem::Problem;
use super::session::Timing;
use super::values::Value;
use crate::store::Recovered;
use crate::store::clock::millis;

/// How many tasks one step changes.
const STEP: i64 = 1000;

/// For how long an instance goes on with steps when it joins, and at a heartbeat.
const AT_JOIN: Duration = Duration::from_secs(3);
const AT_HEARTBEAT: Duration = Duration::from_secs(1);

/// The ids of the handlers that a live instance has.
macro_rules! known {
    () => {
        "(SELECT 1 FROM webhook.instance i WHERE i.lease_until_ms > now_ms AND t.handler = ANY (i.handlers))"
    };
}

/// Notes since when the handlers of waiting tasks are missing. Reads all open tasks.
const NOTE_ALL: &str = concat!(
    "INSERT INTO webhook.missing_handler (handler, since_ms)
     SELECT DISTINCT handler, now_ms FROM webhook.task t WHERE state IN (0, 2) AND NOT EXISTS ",
    known!(),
    " ON CONFLICT (handler) DO NOTHING"
);

/// The same for tasks that are ready. It looks between the handlers that live instances have, and jumps from one handler to the
/// next, however many tasks each has. The id of a handler is less than `~`.
const NOTE_READY: &str = concat!(
    "WITH RECURSIVE ready (handler, before) AS (
         SELECT live.handler COLLATE \"C\", lead(live.handler, 1, '~') OVER (ORDER BY live.handler COLLATE \"C\")
         FROM unnest(ARRAY(SELECT '' UNION SELECT unnest(handlers) FROM webhook.instance WHERE lease_until_ms > now_ms))
             AS live (handler)
         UNION ALL
         SELECT (SELECT next.handler FROM webhook.task next
                 WHERE next.state = 0 AND next.suspect = 0 AND next.handler > ready.handler AND next.handler < ready.before
                 ORDER BY next.handler LIMIT 1), ready.before
         FROM ready WHERE ready.handler IS NOT NULL),
     t (handler) AS (
         SELECT handler FROM ready WHERE handler <> ''
         UNION SELECT handler FROM webhook.task WHERE suspect = 1 AND state = 0)
     INSERT INTO webhook.missing_handler (handler, since_ms)
     SELECT handler, now_ms FROM t WHERE NOT EXISTS ",
    known!(),
    " ON CONFLICT (handler) DO NOTHING"
);

/// Whether the tasks of the handler `t` are to be parked: it has been missing for `$1`, or there is only one instance.
macro_rules! is_time {
    () => {
        "(t.since_ms + $1 <= now_ms OR 1 = (SELECT count(*) FROM webhook.instance))"
    };
}

/// Whether there are tasks to be parked: ready ones, and others if `$others` says so.
macro_rules! may_park {
    ($others:literal) => {
        concat!(
            "SELECT EXISTS (
                 SELECT 1 FROM webhook.missing_handler t
                 WHERE ",
            is_time!(),
            " AND (",
            $others,
            "(SELECT 1 FROM webhook.task o
                    WHERE o.handler = t.handler AND o.state = 0 AND o.suspect = 0 ORDER BY o.due_ms LIMIT 1) IS NOT NULL
                   OR (SELECT 1 FROM webhook.task o
                       WHERE o.handler = t.handler AND o.state = 0 AND o.suspect = 1 ORDER BY o.id LIMIT 1) IS NOT NULL))"
        )
    };
}

/// Whether there are ready ones, however many tasks there are. A blocked one becomes ready when its lane is free.
const MAY_PARK: &str = may_park!("");

/// Whether there are also blocked ones. Reads all open tasks.
const MAY_PARK_ANY: &str = may_park!(
    "(SELECT 1 FROM webhook.task o WHERE o.handler = t.handler AND o.state = 2 LIMIT 1) IS NOT NULL OR "
);

/// Parks at most `$3` ready tasks, as many suspects, and as many blocked ones if `$2` says so, of handlers that have been missing
/// for `$1`, or that are missing at all if there is only one instance. Returns their lanes.
pub(super) const PARK: &str = concat!(
    "WITH missing AS MATERIALIZED (
         SELECT handler FROM webhook.missing_handler t WHERE ",
    is_time!(),
    " AND NOT EXISTS ",
    known!(),
    "    ORDER BY handler FOR UPDATE SKIP LOCKED),
     waiting AS MATERIALIZED (
         (SELECT id FROM webhook.task
          WHERE state = 0 AND suspect = 0 AND handler = ANY (ARRAY (SELECT handler FROM missing)) LIMIT $3)
         UNION ALL
         (SELECT id FROM webhook.task
          WHERE state = 0 AND suspect = 1 AND handler = ANY (ARRAY (SELECT handler FROM missing)) LIMIT $3)
         UNION ALL
         (SELECT id FROM webhook.task
          WHERE $2 AND state = 2 AND handler = ANY (ARRAY (SELECT handler FROM missing)) LIMIT $3)),
     gone AS (
         DELETE FROM webhook.task t WHERE id = ANY (ARRAY (SELECT id FROM waiting)) AND state IN (0, 2)
         RETURNING id, event_seq, handler, scope, object, lane, strict, moment, attempt, crashes, replay, fence, started_ms),
     parked AS (",
    close!("5", "3", "crashes", "NULL"),
    ") SELECT scope, lane, count(*) FROM gone GROUP BY scope, lane"
);

/// Whether a handler is back that was missing.
const IS_BACK: &str =
    concat!("SELECT EXISTS (SELECT 1 FROM webhook.missing_handler t WHERE EXISTS ", known!(), ")");

/// Waits for instances that are parking tasks of handlers that are back, and keeps others from it.
const LOCK_BACK: &str = concat!(
    "SELECT 1 FROM webhook.missing_handler t WHERE EXISTS ",
    known!(),
    " ORDER BY handler FOR UPDATE"
);

/// The tasks `t` that were parked because their handler was missing, which is back, and that still have a body.
macro_rules! to_resume {
    () => {
        concat!(
            "t.state = 5 AND t.why = 3 AND EXISTS ",
            known!(),
            " AND EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq AND e.body IS NOT NULL)"
        )
    };
}

/// Resumes at most `$2` tasks whose ids are greater than `$1`. Returns how many, and the greatest id.
const RESUME: &str = concat!(
    "WITH parked AS MATERIALIZED (
         SELECT t.id FROM webhook.ended t WHERE t.id > $1 AND ",
    to_resume!(),
    "    ORDER BY t.id LIMIT $2),
     back AS (
         DELETE FROM webhook.ended WHERE id = ANY (ARRAY (SELECT id FROM parked)) AND state = 5 AND why = 3
         RETURNING *),
     ready AS (
         INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, strict, moment, state, due_ms, started_ms,
                                   attempt, crashes, replay, fence, error)
         SELECT id, event_seq, handler, scope, object, lane, strict, moment, 0, now_ms, started_ms, attempt, crashes, replay,
                fence, error
         FROM back)
     SELECT (SELECT count(*) FROM back), (SELECT max(id) FROM parked)"
);

/// Forgets handlers that are back, and have no tasks left that were parked for that.
const FORGET: &str = concat!(
    "DELETE FROM webhook.missing_handler m WHERE EXISTS (
         SELECT 1 FROM webhook.instance i WHERE i.lease_until_ms > now_ms AND m.handler = ANY (i.handlers))
     AND NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.handler = m.handler AND ",
    to_resume!(),
    ")"
);

/// When an instance joins: it may lack handlers that its predecessor had, or have some that were missing.
pub(super) async fn at_join(db: &Connection, timing: &Timing) -> Result<Recovered, Problem> {
    let until = Instant::now() + AT_JOIN;
    let resumed = resume(db, until).await?;
    db.execute(NOTE_ALL, &[]).await?;
    let without_handler = park(db, timing, true, until).await?;
    Ok(Recovered { without_handler, resumed, ..Recovered::default() })
}

/// From time to time, when other instances may have come or gone. If nothing is to be done, its work does not depend on how
/// many tasks there are.
pub(super) async fn at_heartbeat(db: &Connection, timing: &Timing) -> Result<Recovered, Problem> {
    let until = Instant::now() + AT_HEARTBEAT;
    let resumed = if yes(db, IS_BACK, &[]).await? { resume(db, until).await? } else { 0 };
    db.execute(NOTE_READY, &[]).await?;
    let without_handler = park(db, timing, false, until).await?;
    Ok(Recovered { without_handler, resumed, ..Recovered::default() })
}

/// Resumes the tasks of handlers that are back. Returns how many there were.
async fn resume(db: &Connection, until: Instant) -> Result<u64, Problem> {
    let (mut resumed, mut after) = (0, 0_i64);
    loop {
        let resuming = Statement::new(RESUME, &[&after, &STEP]);
        let step = [Statement::new(LOCK_BACK, &[]), resuming, Statement::new(FORGET, &[])];
        let rows = transaction(db, &step).await?;
        let Some(row) = rows.get(1).and_then(|rows| rows.first()) else { return Ok(resumed) };
        resumed += row.try_get::<_, i64>(0)?.unsigned_abs();
        match row.try_get(1)? {
            Some(last) if Instant::now() < until => after = last,
            _ => return Ok(resumed),
        }
    }
}

/// Parks the tasks of handlers that have been missing for long enough. Returns how many there were.
async fn park(db: &Connection, timing: &Timing, blocked: bool, until: Instant) -> Result<u64, Problem> {
    let patience = millis(timing.missing_handler);
    let mut all = 0;
    let may_park = if blocked { MAY_PARK_ANY } else { MAY_PARK };
    while yes(db, may_park, &[&patience]).await? {
        let rows = db.query(PARK, &[&patience, &blocked, &STEP]).await?;
        let lane = |row: &Row| Some(LaneKey { scope: row.get(0), lane: row.get::<_, Option<String>>(1)? });
        let lanes: Vec<LaneKey> = rows.iter().filter_map(lane).collect();
        promote(db, &lanes).await?;
        let parked = rows.iter().map(|row| row.get::<_, i64>(2)).sum::<i64>().unsigned_abs();
        all += parked;
        if parked == 0 || Instant::now() >= until {
            break;
        }
    }
    Ok(all)
}

/// Asks a question whose answer is yes or no.
async fn yes(db: &Connection, question: &str, values: &[Value<'_>]) -> Result<bool, Problem> {
    let answer = db.query(question, values).await?;
    Ok(answer.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}
