//! Counting what is open, parked or in quarantine: the open tasks have a table of their own, and the parked ones an index.

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::secrets;
use super::show::count;
use super::stats::{handlers, of_handler, oldest_due};
use crate::store::Backlog;

/// What is open or parked, by handler, state and reason.
const OPEN_OR_PARKED: &str = handlers!(
    "SELECT handler, state, why, count(*) FROM webhook.ended WHERE state = 5 GROUP BY handler, state, why"
);

/// What is in quarantine.
const QUARANTINED: &str = "SELECT count(*) FROM webhook.quarantine";

/// Counts what is open, parked or in quarantine.
pub(super) async fn backlog(db: &Connection) -> Result<Backlog, Problem> {
    let statements = [QUARANTINED, OPEN_OR_PARKED, secrets::LIST].map(|text| Statement::new(text, &[]));
    let [counts, handlers, secrets] = &transaction(db, &statements).await?[..] else {
        return Ok(Backlog::default());
    };
    let mut backlog = Backlog {
        handlers: handlers.iter().map(of_handler).collect::<Result<_, Problem>>()?,
        secrets: secrets.iter().map(secrets::secret_row).collect::<Result<_, _>>()?,
        oldest_due_ms: oldest_due(handlers)?,
        ..Backlog::default()
    };
    for row in counts {
        backlog.quarantined = count(row, 0)?;
    }
    Ok(backlog)
}
