//! Parking the tasks of handlers that no live instance has, and resuming those of handlers that are back.
//!
//! A deploy may bring a handler back, so it must have been missing for a while, unless there is only one instance.

use tokio_postgres::Row;

use super::connection::Connection;
use super::finish::close;
use super::lanes::{LaneKey, promote};
use super::problem::Problem;
use super::session::Timing;
use crate::store::Recovered;
use crate::store::clock::millis;

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

/// The same for tasks that are ready. It jumps from one handler to the next, however many tasks each has.
const NOTE_READY: &str = concat!(
    "WITH RECURSIVE t (handler) AS (
         (SELECT handler FROM webhook.task WHERE state = 0 AND suspect = 0 ORDER BY handler LIMIT 1)
         UNION ALL
         SELECT (SELECT next.handler FROM webhook.task next
                 WHERE next.state = 0 AND next.suspect = 0 AND next.handler > t.handler ORDER BY next.handler LIMIT 1)
         FROM t WHERE t.handler IS NOT NULL)
     INSERT INTO webhook.missing_handler (handler, since_ms)
     SELECT handler, now_ms FROM t WHERE handler IS NOT NULL AND NOT EXISTS ",
    known!(),
    " ON CONFLICT (handler) DO NOTHING"
);

/// Forgets handlers that are back.
const FORGET: &str = concat!("DELETE FROM webhook.missing_handler t WHERE EXISTS ", known!());

/// Whether the tasks of a handler are to be parked: it has been missing for `$1`, or there is only one instance.
const IS_TIME: &str = "
    SELECT EXISTS (SELECT 1 FROM webhook.missing_handler
                   WHERE since_ms + $1 <= now_ms OR 1 = (SELECT count(*) FROM webhook.instance))";

/// Parks the waiting tasks of handlers that have been missing for `$1`, or that are missing at all if there is only one
/// instance. Returns their lanes.
const PARK: &str = concat!(
    "WITH gone AS (
         DELETE FROM webhook.task t
         WHERE state IN (0, 2)
           AND handler IN (SELECT handler FROM webhook.missing_handler
                           WHERE since_ms + $1 <= now_ms OR 1 = (SELECT count(*) FROM webhook.instance))
         RETURNING id, event_seq, handler, scope, object, lane, strict, moment, attempt, crashes, replay, fence, started_ms),
     parked AS (",
    close!("5", "3", "crashes", "NULL"),
    ") SELECT scope, lane, count(*) FROM gone GROUP BY scope, lane"
);

/// Resumes tasks that were parked because their handler was missing, and that still have a body.
const RESUME: &str = concat!(
    "WITH back AS (
         DELETE FROM webhook.ended t
         WHERE state = 5 AND why = 3 AND EXISTS ",
    known!(),
    "      AND EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq AND e.body IS NOT NULL)
         RETURNING *)
     INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, strict, moment, state, due_ms, started_ms,
                               attempt, crashes, replay, fence, error)
     SELECT id, event_seq, handler, scope, object, lane, strict, moment, 0, now_ms, started_ms, attempt, crashes, replay,
            fence, error
     FROM back"
);

/// When an instance joins: it may lack handlers that its predecessor had, or have some that were missing.
pub(super) async fn at_join(db: &Connection, timing: &Timing) -> Result<Recovered, Problem> {
    db.execute(FORGET, &[]).await?;
    db.execute(NOTE_ALL, &[]).await?;
    let without_handler = park_when_it_is_time(db, timing).await?;
    let resumed = db.execute(RESUME, &[]).await?;
    Ok(Recovered { without_handler, resumed, ..Recovered::default() })
}

/// From time to time, when other instances may have gone. Its work does not depend on how many tasks there are.
pub(super) async fn at_heartbeat(db: &Connection, timing: &Timing) -> Result<Recovered, Problem> {
    db.execute(FORGET, &[]).await?;
    db.execute(NOTE_READY, &[]).await?;
    let without_handler = park_when_it_is_time(db, timing).await?;
    Ok(Recovered { without_handler, ..Recovered::default() })
}

/// Parks the tasks of handlers that have been missing for long enough. Returns how many there were.
async fn park_when_it_is_time(db: &Connection, timing: &Timing) -> Result<u64, Problem> {
    let patience = millis(timing.missing_handler);
    let is_time = db.query(IS_TIME, &[&patience]).await?;
    if !is_time.first().is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let parked = db.query(PARK, &[&patience]).await?;
    let lane = |row: &Row| Some(LaneKey { scope: row.get(0), lane: row.get::<_, Option<String>>(1)? });
    let lanes: Vec<LaneKey> = parked.iter().filter_map(lane).collect();
    promote(db, &lanes).await?;
    Ok(parked.iter().map(|row| row.get::<_, i64>(2)).sum::<i64>().unsigned_abs())
}
