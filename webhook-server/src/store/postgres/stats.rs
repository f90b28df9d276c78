//! Counting events and tasks.
//!
//! Counting a large table takes longer than a call may take. So the sizes of large tables are the server's own estimates, and
//! the share of each handler comes from a sample. Tasks that are open or parked, and the quarantine, are always counted.

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::secrets;
use super::show::count;
use crate::store::{HandlerStats, Stats};

/// With more events, or closed tasks, than this, they are estimated.
const COUNTED: i64 = 1_000_000;

/// How many events, and closed tasks, there are, as the server estimates. 0 if it does not know.
const SIZES: &str = "
    SELECT (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'webhook.event'::regclass),
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'webhook.ended'::regclass)";

/// Counts what is counted in one number, see [`Stats`]: `$events` are all events, and `$unhandled` those without a task.
macro_rules! counts {
    ($events:literal, $unhandled:literal) => {
        concat!(
            "SELECT ",
            $events,
            ", ",
            $unhandled,
            ", (SELECT coalesce(sum(deliveries - 1), 0)::bigint FROM webhook.event WHERE deliveries > 1),
               (SELECT coalesce(sum(changed_bodies), 0)::bigint FROM webhook.event WHERE deliveries > 1),
               (SELECT count(*) FROM webhook.quarantine)"
        )
    };
}

const COUNTS: &str = counts!(
    "(SELECT count(*) FROM webhook.event)",
    "(SELECT count(*) FROM webhook.event e
      WHERE NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq)
        AND NOT EXISTS (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq))"
);

/// `$1` is how many events there are. About 20,000 of them are looked at.
const COUNTS_ESTIMATED: &str = counts!(
    "$1",
    "(SELECT ($1 * count(*) FILTER (
                  WHERE NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq)
                    AND NOT EXISTS (SELECT 1 FROM webhook.task t WHERE t.event_seq = e.seq))
              / greatest(count(*), 1))::bigint
      FROM webhook.event e TABLESAMPLE SYSTEM (least(2000000.0 / greatest($1, 1), 100)::real))"
);

/// Counts the tasks of each handler, the closed ones from `$closed`, and tells for how long the oldest ready one has been due.
/// The open tasks are read once: that takes long while an old transaction keeps dead rows.
macro_rules! handlers {
    ($closed:literal) => {
        concat!(
            "SELECT handler, state, why, tasks, overdue FROM (
                 SELECT handler, state, NULL::smallint AS why, count(*) AS tasks,
                        now_ms - min(due_ms) FILTER (WHERE state = 0 AND due_ms <= now_ms) AS overdue
                 FROM webhook.task GROUP BY handler, state
                 UNION ALL
                 SELECT closed.*, NULL FROM (",
            $closed,
            ") closed) counted WHERE tasks > 0 ORDER BY handler, state, why"
        )
    };
}
pub(super) use handlers;

const HANDLERS: &str =
    handlers!("SELECT handler, state, why, count(*) FROM webhook.ended GROUP BY handler, state, why");

/// `$1` is how many closed tasks there are. About 100,000 of them are looked at.
const HANDLERS_ESTIMATED: &str = handlers!(
    "SELECT handler, state, why, count(*) FROM webhook.ended WHERE state = 5 GROUP BY handler, state, why
     UNION ALL
     SELECT handler, state, NULL, tasks FROM (
         SELECT handler, state, ($1 * count(*) / sum(count(*)) OVER ())::bigint AS tasks
         FROM webhook.ended TABLESAMPLE SYSTEM (least(10000000.0 / greatest($1, 1), 100)::real)
         GROUP BY handler, state) closed
     WHERE state <> 5"
);

pub(super) fn of_handler(row: &Row) -> Result<HandlerStats, Problem> {
    let (handler, state, why) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(HandlerStats { handler, state, why, tasks: count(row, 3)? })
}

/// For how long the oldest ready task of any handler has been due, in milliseconds.
pub(super) fn oldest_due(handlers: &[Row]) -> Result<Option<i64>, Problem> {
    let overdue = handlers.iter().map(|row| row.try_get::<_, Option<i64>>(4));
    Ok(overdue.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().max())
}

/// Counts events and tasks.
pub(super) async fn stats(db: &Connection) -> Result<Stats, Problem> {
    stats_up_to(db, COUNTED).await
}

/// Counts events and tasks, and estimates them if there are more than `counted`.
pub(super) async fn stats_up_to(db: &Connection, counted: i64) -> Result<Stats, Problem> {
    let sizes = db.query(SIZES, &[]).await?;
    let (events, ended): (i64, i64) = match sizes.first() {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (0, 0),
    };
    let is_estimated = events.max(ended) > counted;
    let (counts, handlers) = if is_estimated {
        (Statement::new(COUNTS_ESTIMATED, &[&events]), Statement::new(HANDLERS_ESTIMATED, &[&ended]))
    } else {
        (Statement::new(COUNTS, &[]), Statement::new(HANDLERS, &[]))
    };
    let statements = [counts, handlers, Statement::new(secrets::LIST, &[])];
    let [counts, handlers, secrets] = &transaction(db, &statements).await?[..] else {
        return Ok(Stats::default());
    };
    let mut stats = Stats {
        is_estimated,
        handlers: handlers.iter().map(of_handler).collect::<Result<_, Problem>>()?,
        secrets: secrets.iter().map(secrets::secret_row).collect::<Result<_, _>>()?,
        oldest_due_ms: oldest_due(handlers)?,
        ..Stats::default()
    };
    for row in counts {
        stats.events = count(row, 0)?;
        stats.unhandled = count(row, 1)?;
        stats.duplicates = count(row, 2)?;
        stats.changed_bodies = count(row, 3)?;
        stats.quarantined = count(row, 4)?;
    }
    Ok(stats)
}
