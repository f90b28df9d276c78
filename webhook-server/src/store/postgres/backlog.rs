//! Counting what is not done: the open tasks have a table of their own, and the parked ones an index.

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::show::count;
use crate::store::backlog::millis;
use crate::store::{Backlog, ParkedTasks};

const COUNTS: &str = "
    SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2),
           (SELECT now_ms - min(due_ms) FROM webhook.task WHERE state = 0 AND due_ms <= now_ms),
           (SELECT count(*) FROM webhook.quarantine)
    FROM webhook.task";

const PARKED: &str = "SELECT handler, why, count(*) FROM webhook.ended WHERE state = 5
                      GROUP BY handler, why ORDER BY handler, why";

/// Counts what is not done.
pub(super) async fn backlog(db: &Connection) -> Result<Backlog, Problem> {
    let rows = transaction(db, &[Statement::new(COUNTS, &[]), Statement::new(PARKED, &[])]).await?;
    let [counts, parked] = &*rows else { return Ok(Backlog::default()) };
    let Some(counts) = counts.first() else { return Ok(Backlog::default()) };
    let parked_row =
        |row: &Row| Ok(ParkedTasks { handler: row.try_get(0)?, why: row.try_get(1)?, tasks: count(row, 2)? });
    Ok(Backlog {
        ready: count(counts, 0)?,
        running: count(counts, 1)?,
        blocked: count(counts, 2)?,
        oldest_due: counts.try_get::<_, Option<i64>>(3)?.map(millis),
        quarantined: count(counts, 4)?,
        parked: parked.iter().map(parked_row).collect::<Result<_, Problem>>()?,
    })
}
