//! Counting what is not done. Each statement reads an index that holds nothing else.

use rusqlite::{Connection, Row};

use crate::store::backlog::millis;
use crate::store::{Backlog, ParkedTasks};

const READY: &str = "SELECT count(*) FROM inbox_task WHERE state = 0";
const RUNNING: &str = "SELECT count(*) FROM inbox_task WHERE state = 1";
const BLOCKED: &str =
    "SELECT count(*) FROM inbox_task WHERE state IN (0, 2) AND lane IS NOT NULL AND state = 2";
const OLDEST_DUE: &str = "SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms <= ?1";
const PARKED: &str = "SELECT handler, why, count(*) FROM inbox_task WHERE state = 5 \
                      GROUP BY handler, why ORDER BY handler, why";
const QUARANTINED: &str = "SELECT count(*) FROM inbox_quarantine";

/// All statements.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 6] = [READY, RUNNING, BLOCKED, OLDEST_DUE, PARKED, QUARANTINED];

/// Counts what is not done.
pub(super) fn backlog(db: &Connection, now: i64) -> rusqlite::Result<Backlog> {
    let count = |sql: &str| db.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
    let oldest_due: Option<i64> = db.prepare_cached(OLDEST_DUE)?.query_row([now], |row| row.get(0))?;
    let parked =
        |row: &Row<'_>| Ok(ParkedTasks { handler: row.get(0)?, why: row.get(1)?, tasks: row.get(2)? });
    Ok(Backlog {
        ready: count(READY)?,
        running: count(RUNNING)?,
        blocked: count(BLOCKED)?,
        parked: db.prepare_cached(PARKED)?.query_map([], parked)?.collect::<Result<_, _>>()?,
        oldest_due: oldest_due.map(|due| millis(now - due)),
        quarantined: count(QUARANTINED)?,
    })
}
