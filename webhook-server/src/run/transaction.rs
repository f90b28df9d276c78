//! The transaction of a run: begun and marked, completed and committed.
//!
//! Neither beginning nor committing is ever cancelled: each is a task of its own on the application's runtime. A driver that
//! is stopped while it begins may return a connection to its pool inside a transaction. A commit that is stopped may
//! take place all the same, so what has become of it is asked of the store.

mod check;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webhook_core::{
    HandlerError, HandlerResult, OpenTransaction, States, TransactionFuture, TransactionManager,
    TransactionType, Verdict,
};

pub(crate) use self::check::{check_pools, refuse};
use crate::jitter::random;
use crate::store::Ticket;
use crate::store::transactions::Statements;

/// How long one of our own statements may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How often a run calls its handler again at once, after a collision with another transaction.
const REPEATS: u32 = 5;

/// The transaction of one run.
#[derive(Debug)]
pub(crate) struct RunTransaction {
    of: TransactionType,
    states: Arc<States>,
    ticket: Ticket,
    statements: Arc<Statements>,
    repeats: AtomicU32,
    /// Completing and committing, once that has begun.
    committing: Mutex<Option<JoinHandle<Ending>>>,
    /// Whether the run may have been completed without anyone knowing.
    is_uncertain: Arc<AtomicBool>,
}

/// Whether a transaction was completed and committed.
type Ending = Result<(), HandlerError>;

impl RunTransaction {
    /// Makes the transaction of a run. It begins when the handler's arguments have been extracted.
    pub(crate) fn new(
        of: TransactionType,
        states: Arc<States>,
        ticket: Ticket,
        statements: Statements,
    ) -> Self {
        Self {
            of,
            states,
            ticket,
            statements: Arc::new(statements),
            repeats: AtomicU32::new(0),
            committing: Mutex::new(None),
            is_uncertain: Arc::default(),
        }
    }

    /// Waits for the end of a commit that was going on when the run was stopped. Returns whether it succeeded; false if there
    /// was none, since the transaction was rolled back then.
    pub(super) async fn was_committed(&self) -> bool {
        match self.committing.lock().await.take() {
            Some(committing) => matches!(committing.await, Ok(Ok(()))),
            None => false,
        }
    }

    /// Whether the run may have been completed although it failed, so that the store must be asked.
    pub(super) fn is_uncertain(&self) -> bool {
        self.is_uncertain.load(Ordering::SeqCst)
    }

    /// Returns how the run ends after a failure; `None` if the handler is to be called again. Waits before that.
    async fn after(&self, failure: HandlerError) -> Option<HandlerResult> {
        let is_collision = || matches!(self.of.sqlstate(&failure).as_deref(), Some("40001" | "40P01"));
        let may_repeat = failure.verdict() == Verdict::Retry { after: None } && !self.is_uncertain();
        if may_repeat && is_collision() && self.repeats.fetch_add(1, Ordering::Relaxed) < REPEATS {
            tokio::time::sleep(Duration::from_millis(50) + Duration::from_millis(200).mul_f64(random()))
                .await;
            return None;
        }
        Some(Err(failure))
    }
}

impl TransactionManager for RunTransaction {
    fn begin(&self) -> TransactionFuture<'_, Result<OpenTransaction, HandlerError>> {
        let beginning = self.of.begin(&self.states);
        let (statements, ticket) = (Arc::clone(&self.statements), self.ticket);
        let begun = tokio::spawn(async move {
            let mut transaction = beginning.await?;
            let values = [ticket.task, ticket.fence];
            let marking = transaction.execute(&statements.mark, &values);
            timeout(LIMIT, marking).await.map_err(|_| HandlerError::retry(Slow { step: "marked" }))??;
            Ok(transaction)
        });
        Box::pin(async move { begun.await.map_err(|ended| panic_or(ended, "it was being begun"))? })
    }

    fn end(
        &self,
        transaction: OpenTransaction,
        returned: HandlerResult,
    ) -> TransactionFuture<'_, Option<HandlerResult>> {
        Box::pin(async move {
            let reply = match returned {
                Ok(reply) => reply,
                Err(failure) => {
                    let rollback = tokio::spawn(timeout(LIMIT, transaction.rollback()));
                    let _ = rollback.await;
                    return self.after(failure).await;
                }
            };
            let uncertain = Arc::clone(&self.is_uncertain);
            let end = complete(transaction, self.of, self.ticket, Arc::clone(&self.statements), uncertain);
            // If this run is stopped now, `was_committed` waits for the task in its place.
            let mut committing = self.committing.lock().await;
            let ended = committing.insert(tokio::spawn(end)).await;
            *committing = None;
            drop(committing);
            match ended.unwrap_or_else(|ended| Err(panic_or(ended, "it was being committed"))) {
                Ok(()) => Some(Ok(reply)),
                Err(failure) => self.after(failure).await,
            }
        })
    }
}

/// Completes the run in its transaction, and commits it.
async fn complete(
    mut transaction: OpenTransaction,
    of: TransactionType,
    Ticket { task, fence }: Ticket,
    statements: Arc<Statements>,
    is_uncertain: Arc<AtomicBool>,
) -> Ending {
    is_uncertain.store(true, Ordering::SeqCst);
    let values = [task, fence, statements.instance];
    let completed = match timeout(LIMIT, transaction.execute(&statements.complete, &values)).await {
        Ok(Ok(completed)) => completed,
        Ok(Err(error)) => {
            // Nothing of it was committed, but its connection may hold the task until it is rolled back.
            if timeout(LIMIT, transaction.rollback()).await.is_ok() {
                is_uncertain.store(false, Ordering::SeqCst);
            }
            let has_failed_before = of.sqlstate(&error).as_deref() == Some("25P02");
            return Err(if has_failed_before { HandlerError::retry(FailedBefore) } else { error });
        }
        Err(_) => return Err(HandlerError::retry(Slow { step: "completed" })),
    };
    if completed == 0 {
        let values = [task, fence];
        let asked = transaction.execute(&statements.is_marked, &values);
        let is_marked =
            timeout(LIMIT, asked).await.map_err(|_| HandlerError::retry(Slow { step: "examined" }))??;
        if timeout(LIMIT, transaction.rollback()).await.is_ok() {
            is_uncertain.store(false, Ordering::SeqCst);
        }
        return Err(if is_marked == 0 {
            HandlerError::park(EndedByHandler)
        } else {
            HandlerError::retry(Fenced)
        });
    }
    match timeout(LIMIT, transaction.commit()).await {
        Ok(Ok(())) => {
            is_uncertain.store(false, Ordering::SeqCst);
            Ok(())
        }
        Ok(Err(error)) => {
            if of.sqlstate(&error).is_some_and(|state| says_it_failed(&state)) {
                is_uncertain.store(false, Ordering::SeqCst);
            }
            Err(error)
        }
        Err(_) => Err(HandlerError::retry(Slow { step: "committed" })),
    }
}

/// Whether the database says with this SQLSTATE that it did not commit: a constraint failed, or another transaction was in
/// the way. Others may mean that the connection ended, or that the wait for a standby did.
fn says_it_failed(sqlstate: &str) -> bool {
    sqlstate != "40003" && ["22", "23", "40", "P0"].iter().any(|class| sqlstate.starts_with(class))
}

/// Goes on with the panic of a driver, or says that the runtime has ended.
fn panic_or(ended: tokio::task::JoinError, when: &'static str) -> HandlerError {
    match ended.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => HandlerError::retry(format!("the application's runtime ended while {when}")),
    }
}

#[derive(Debug, Error)]
#[error("the transaction could not be {step} within {}", humantime::format_duration(LIMIT))]
struct Slow {
    step: &'static str,
}

#[derive(Debug, Error)]
#[error("rolled back: another instance has taken the task over")]
struct Fenced;

#[derive(Debug, Error)]
#[error("rolled back: a statement in the transaction failed, but the handler returned a success")]
struct FailedBefore;

#[derive(Debug, Error)]
#[error(
    "the handler ended its transaction itself, with COMMIT or ROLLBACK, so its task could not be completed in it: remove \
     that statement, and check what was committed before you retry the task"
)]
struct EndedByHandler;
