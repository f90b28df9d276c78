//! Counting what is open, parked or in quarantine. Each statement reads indexes that hold nothing else.

use rusqlite::Connection;

use super::secrets;
use super::show::handler_stats;
use crate::store::Backlog;

/// The tasks that are open or parked, by handler, state and reason. Each state has an index that contains no other tasks.
const OPEN_OR_PARKED: &str = "\
    SELECT handler, 0, NULL, count(*) FROM inbox_task INDEXED BY inbox_task_due WHERE state = 0 GROUP BY handler \
    UNION ALL SELECT handler, 1, NULL, count(*) FROM inbox_task INDEXED BY inbox_task_running_lane WHERE state = 1 \
              GROUP BY handler \
    UNION ALL SELECT handler, 2, NULL, count(*) FROM inbox_task INDEXED BY inbox_task_waiting_lane \
              WHERE state IN (0, 2) AND lane IS NOT NULL AND state = 2 GROUP BY handler \
    UNION ALL SELECT handler, 5, why, count(*) FROM inbox_task INDEXED BY inbox_task_parked WHERE state = 5 \
              GROUP BY handler, why \
    ORDER BY 1, 2, 3";

const OLDEST_DUE: &str = "SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms <= ?1";
const QUARANTINED: &str = "SELECT count(*) FROM inbox_quarantine";

/// All statements.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [OPEN_OR_PARKED, OLDEST_DUE, QUARANTINED];

/// Counts what is open, parked or in quarantine.
pub(super) fn backlog(db: &Connection, now: i64) -> rusqlite::Result<Backlog> {
    let handlers =
        db.prepare_cached(OPEN_OR_PARKED)?.query_map([], handler_stats)?.collect::<Result<_, _>>()?;
    Ok(Backlog {
        quarantined: quarantined(db)?,
        oldest_due_ms: oldest_due(db, now)?,
        handlers,
        secrets: secrets::list(db)?,
    })
}

/// How long the oldest due task has been due.
pub(super) fn oldest_due(db: &Connection, now: i64) -> rusqlite::Result<Option<i64>> {
    let due: Option<i64> = db.prepare_cached(OLDEST_DUE)?.query_row([now], |row| row.get(0))?;
    Ok(due.map(|due| now - due))
}

/// Counts quarantined bodies.
pub(super) fn quarantined(db: &Connection) -> rusqlite::Result<u64> {
    db.prepare_cached(QUARANTINED)?.query_row([], |row| row.get(0))
}
