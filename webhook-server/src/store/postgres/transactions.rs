//! The end of a run in its handler's own transaction.
//!
//! The transaction belongs to the application's driver and pool, so what it executes stands here as texts. It only moves the
//! task to the closed ones: the lane is freed after the commit, by this instance's own `finish`, which sees what is
//! committed.

use super::Postgres;
use super::connection::{CALL_LIMIT, Connection};
use super::finish::close;
use super::problem::Problem;
use crate::store::transactions::mark::{IS_MARKED, MARK};
use crate::store::transactions::{Completion, PoolCheck, Statements, Transactions};
use crate::store::{StoreFuture, Ticket};

/// Moves the task (`$1`; its run has fence `$2` and owner `$3`) to the closed ones, as done.
pub(super) const COMPLETE: &str = concat!(
    "WITH gone AS (
         DELETE FROM webhook.task
         WHERE id = $1 AND fence = $2 AND owner IS NOT DISTINCT FROM $3 AND state = 1
           AND current_setting('webhook_run.ticket', true) = $1::bigint::text || ':' || $2::bigint::text
         RETURNING id, event_seq, handler, scope, object, lane, strict, moment, attempt, replay, fence, started_ms)",
    close!("3", "NULL", "0", "NULL")
);

/// Whether the run (task `$1`, fence `$2`) was completed, whether it still runs, and whether no transaction holds its row.
const COMPLETION: &str = "
    SELECT EXISTS (SELECT 1 FROM webhook.ended WHERE id = $1 AND fence = $2 AND state = 3),
           EXISTS (SELECT 1 FROM webhook.task WHERE id = $1 AND fence = $2 AND state = 1),
           EXISTS (SELECT 1 FROM (SELECT 1 FROM webhook.task WHERE id = $1 AND fence = $2 AND state = 1
                                  FOR UPDATE SKIP LOCKED) free)";

/// Which inbox this is.
const INBOX: &str = "SELECT inbox::text FROM webhook.meta";

/// Whether a role may move a task to the closed ones.
const MAY_COMPLETE: &str = "
    SELECT 1 WHERE has_table_privilege('webhook.task', 'SELECT') AND has_table_privilege('webhook.task', 'DELETE')
               AND has_table_privilege('webhook.ended', 'INSERT')";

impl Transactions for Postgres {
    fn statements(&self) -> Statements {
        Statements {
            mark: MARK.to_owned(),
            complete: self.opener.texts().sent(COMPLETE),
            is_marked: IS_MARKED.to_owned(),
            instance: self.session.id(),
        }
    }

    fn completion(&self, ticket: Ticket) -> StoreFuture<'_, Completion> {
        Box::pin(async move {
            let asked = async |db: &Connection| db.query(COMPLETION, &[&ticket.task, &ticket.fence]).await;
            let rows = self.operator.call(CALL_LIMIT, asked).await?;
            let row =
                rows.first().map(|row| Ok::<_, Problem>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
            Ok(match row.transpose()? {
                Some((true, _, _)) => Completion::Committed,
                Some((false, true, false)) => Completion::Pending,
                _ => Completion::RolledBack,
            })
        })
    }

    fn pool_checks(&self) -> StoreFuture<'_, Vec<PoolCheck>> {
        Box::pin(async move {
            // A connection of its own, since a start has another runtime than the instance.
            let db = self.opener.connect().await?;
            let rows = Connection::within(CALL_LIMIT, db.query(INBOX, &[])).await?;
            let inbox = rows.first().map(|row| row.try_get(0)).transpose().map_err(Problem::from)?;
            let inbox: String = inbox.unwrap_or_default();
            let sent = |text: &str| self.opener.texts().sent(text);
            Ok(vec![
                PoolCheck {
                    // It is made of hexadecimal digits and hyphens.
                    statement: sent(&format!("SELECT 1 FROM webhook.meta WHERE inbox = '{inbox}'")),
                    otherwise: "its database is not the one that has the inbox, or its role may not use the inbox's \
                                schema: give the `App` a pool of the inbox's database, and grant the role USAGE on the \
                                schema and SELECT on its table `meta`",
                },
                PoolCheck {
                    statement: sent(MAY_COMPLETE),
                    otherwise: "its role may not end runs: grant it SELECT and DELETE on the inbox's table `task`, and \
                                INSERT on `ended`",
                },
            ])
        })
    }
}
