//! How the end of a run in a transaction is recorded.

use std::sync::Arc;

use tracing::warn;
use webhook_core::Registration;

use super::RunTransaction;
use crate::report::Retried;
use crate::run::worker::{STORE_PAUSE, Worker};
use crate::store::transactions::Completion;
use crate::store::{Disposition, FinishResult, Ticket};

impl Worker {
    /// Makes the transaction of a run, if its handler takes one.
    pub(in crate::run) fn transaction(
        &self,
        ticket: Ticket,
        handler: &Registration,
    ) -> Option<Arc<RunTransaction>> {
        let of = *self.transactions.get(handler.id)?;
        let statements = self.store.transactions()?.statements();
        Some(Arc::new(RunTransaction::new(of, Arc::clone(&self.runner.states), ticket, statements)))
    }

    /// Records how a run ended that had a transaction. Returns what has become of the task: it is done if the transaction was
    /// committed, whatever the run knows of that.
    pub(in crate::run) async fn record_end_of(
        &self,
        transaction: &RunTransaction,
        ticket: Ticket,
        end: Disposition,
    ) -> (Disposition, FinishResult) {
        let was_committed = match end {
            Disposition::Done => true,
            _ if transaction.is_uncertain() => self.was_committed(ticket).await,
            _ => false,
        };
        let end = if was_committed { Disposition::Done } else { end };
        // After a commit, this only frees the lane.
        let finished = self.record_end(ticket, &end).await;
        (end, FinishResult { was_ours: was_committed || finished.was_ours, ..finished })
    }

    /// Asks the store whether a transaction was committed, until it has ended.
    async fn was_committed(&self, ticket: Ticket) -> bool {
        let mut was_pending = false;
        while let Some(transactions) = self.store.transactions() {
            let completion = transactions.completion(ticket).await;
            if completion.is_ok() {
                self.store_worked(Retried::Completion);
            }
            match completion {
                Ok(Completion::Committed) => return true,
                Ok(Completion::RolledBack) => return false,
                Ok(Completion::Pending) if was_pending => {}
                Ok(Completion::Pending) => {
                    was_pending = true;
                    warn!(
                        task = ticket.task,
                        "the transaction of a run is still open in the database: its task waits until it has ended"
                    );
                }
                Err(error) => self.store_failed(Retried::Completion, Some(ticket.task), &error),
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
        false
    }
}
