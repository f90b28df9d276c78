//! Handlers' transactions beside an inbox in memory, in `dev` and under test: the end of a run is recorded right after the
//! commit.
//!
//! The transaction is the application's own, in PostgreSQL. It is marked as in production, so that a handler that ends it itself
//! is found out here, too.

use super::mark::{IS_MARKED, MARK};
use super::{Completion, PoolCheck, Statements, Transactions};
use crate::store::{StoreFuture, Ticket};

/// Returns a row if the transaction is marked, and ends nothing: the inbox is elsewhere. So the instance, `$3`, is of no use.
const COMPLETE: &str = "
    SELECT 1 WHERE current_setting('webhook_run.ticket', true) = $1::bigint::text || ':' || $2::bigint::text
               AND $3::bigint IS NOT NULL";

/// What an inbox in memory does for the transactions of handlers.
#[derive(Debug)]
pub(crate) struct Apart;

impl Transactions for Apart {
    fn statements(&self) -> Statements {
        Statements {
            mark: MARK.to_owned(),
            complete: COMPLETE.to_owned(),
            is_marked: IS_MARKED.to_owned(),
            instance: 0,
        }
    }

    /// Only the application's database knows. So a run whose commit was not answered is made again.
    fn completion(&self, _ticket: Ticket) -> StoreFuture<'_, Completion> {
        Box::pin(std::future::ready(Ok(Completion::RolledBack)))
    }

    /// The inbox is in no database that a pool could miss.
    fn pool_checks(&self) -> StoreFuture<'_, Vec<PoolCheck>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}
