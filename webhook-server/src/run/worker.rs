//! Claims what is due, as far as there is capacity, and runs it.
//!
//! One loop claims: it asks the store for due tasks whenever it is woken, and otherwise sleeps until the next one is
//! due. Each claimed task then runs by itself (`task.rs`). Arrivals start their own tasks, through the same [`Slots`],
//! and wake the worker for what they could not start.
//!
//! The phases, and what moves a worker between them:
//!
//! | from | to | when |
//! |---|---|---|
//! | *recovering* | *working* | the store has recovered the tasks of former processes |
//! | *working* | *suspended* | the lease was not renewed in time |
//! | *suspended* | *working* | it is renewed, or the instance has joined again |
//! | any of these | *stopping* | the server drains, or the application's runtime has ended |
//! | *stopping* | *cancelling* | the drain's time is up, or the lease is lost |

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::error;
use webhook_core::{Registry, TransactionType};

use super::attempt::Runner;
use super::in_flight::InFlight;
use super::slots::Slots;
use crate::jitter::jittered;
use crate::report::{Fact, Report, Retried};
use crate::store::{HandlerId, Recovered, Store, StoreError};

/// The pause after the store has failed.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The longest time between two looks for due tasks.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);

/// How long cancelled runs have to end.
pub(super) const CANCELLED: Duration = Duration::from_secs(1);

/// Runs the tasks of a store.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    pub(super) runner: Runner,
    pub(super) report: Report,
    pub(crate) slots: Slots,
    /// What handlers take as a transaction, by their ids.
    pub(super) transactions: HashMap<HandlerId, TransactionType>,
    /// Claimed tasks whose end is not stored yet, and events that are being stored.
    pub(crate) in_flight: InFlight,
    /// Notified when a task may have become due, or capacity has become free.
    due: Arc<Notify>,
    /// What may start. Every run watches it, and is cancelled when it says so.
    pub(super) phase: watch::Sender<Phase>,
    /// The id of a handler that blocks its thread, once there was one.
    pub(super) blocked: watch::Sender<Option<&'static str>>,
    /// Held by what claims tasks: after a suspension, the former claim may still be under way.
    claiming: tokio::sync::Mutex<()>,
    /// Why the last recovery failed.
    delay: Mutex<Option<StoreError>>,
}

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// The tasks of former processes have not been recovered yet: nothing is accepted.
    Recovering,
    /// Tasks are claimed and run.
    Working,
    /// This instance lost its lease: runs are cancelled and nothing starts, but events are accepted.
    Suspended,
    /// Nothing is started any more.
    Stopping,
    /// Runs that have not ended are cancelled.
    Cancelling,
}

/// What a look for due tasks found.
struct ClaimLook {
    /// The number of tasks that were claimed.
    claimed: usize,
    /// How long until the next task is due; zero if more may be due now.
    next_due: Option<Duration>,
}

impl Worker {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        runner: Runner,
        report: Report,
        concurrency: u32,
    ) -> Self {
        let due = Arc::new(Notify::new());
        Self {
            store,
            slots: Slots::new(concurrency, registry.registrations(), Arc::clone(&due)),
            in_flight: InFlight::default(),
            transactions: registry.transactions().map(|(handler, of)| (handler.id, of)).collect(),
            registry,
            runner,
            report,
            due,
            phase: watch::Sender::new(Phase::Working),
            blocked: watch::Sender::new(None),
            claiming: tokio::sync::Mutex::default(),
            delay: Mutex::default(),
        }
    }

    /// Recovers the tasks of former processes.
    ///
    /// # Errors
    ///
    /// Fails if the store fails, as on a full disk; nothing is accepted until a later call succeeds.
    pub(crate) async fn recover(&self) -> Result<Recovered, StoreError> {
        let recovered = self.store.recover(self.handlers()).await;
        *self.delay.lock().unwrap_or_else(PoisonError::into_inner) = recovered.as_ref().err().cloned();
        let next = if recovered.is_ok() { Phase::Working } else { Phase::Recovering };
        self.phase.send_if_modified(|phase| {
            let was_stopped = matches!(phase, Phase::Stopping | Phase::Cancelling);
            !was_stopped && std::mem::replace(phase, next) != next
        });
        recovered
    }

    /// Checks that events may be accepted.
    ///
    /// # Errors
    ///
    /// Fails until the tasks of former processes are recovered, with what delays that: a full disk, or a database that is
    /// away.
    pub(crate) fn check_recovered(&self) -> Result<(), StoreError> {
        match *self.phase.borrow() {
            Phase::Recovering => {
                let delay = self.delay.lock().unwrap_or_else(PoisonError::into_inner);
                Err(delay.clone().unwrap_or(StoreError::DiskFull))
            }
            Phase::Working | Phase::Suspended | Phase::Stopping | Phase::Cancelling => Ok(()),
        }
    }

    /// Whether what arrives may start at once.
    pub(crate) fn may_start(&self) -> bool {
        *self.phase.borrow() != Phase::Suspended
    }

    /// Runs what is due, until the worker is drained.
    pub(crate) async fn work(self: Arc<Self>) {
        let _alone = self.claiming.lock().await;
        let mut phase = self.phase.subscribe();
        while *phase.borrow_and_update() == Phase::Working {
            let look = self.claim_due().await;
            tokio::select! {
                () = tokio::time::sleep(look.next_due.map_or(LOOK_AT_LEAST, |due| due.min(LOOK_AT_LEAST))) => {}
                () = self.due.notified() => {}
                _ = phase.changed() => {}
            }
        }
    }

    /// Runs what is due now, and what becomes due by that, until nothing is due and nothing runs. Returns how long until
    /// the next task is due; `None` if none waits.
    ///
    /// # Errors
    ///
    /// Fails with the handler's id if one blocks its thread: its run may never end.
    pub(crate) async fn run_due(self: &Arc<Self>) -> Result<Option<Duration>, &'static str> {
        let mut blocked = self.blocked.subscribe();
        let blocks = async {
            let handler = blocked.wait_for(Option::is_some).await.map(|handler| *handler);
            // An error cannot occur: the sender is in `self`.
            match handler.ok().flatten() {
                Some(handler) => handler,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            next_due = self.run_until_idle() => Ok(next_due),
            handler = blocks => Err(handler),
        }
    }

    /// Waits until nothing runs, then claims, until a claim finds nothing.
    async fn run_until_idle(self: &Arc<Self>) -> Option<Duration> {
        loop {
            self.in_flight.none().await;
            let look = self.claim_due().await;
            if look.claimed == 0 && look.next_due != Some(Duration::ZERO) {
                return look.next_due;
            }
        }
    }

    /// Stops starting runs and waits for those in progress, for at most `limit`. Then cancels the rest and returns
    /// their tasks without counting the attempt. Returns whether no run is left.
    pub(crate) async fn drain(&self, limit: Duration) -> bool {
        self.phase.send_replace(Phase::Stopping);
        if tokio::time::timeout(limit, self.in_flight.none()).await.is_ok() {
            return true;
        }
        self.phase.send_replace(Phase::Cancelling);
        tokio::time::timeout(CANCELLED, self.in_flight.none()).await.is_ok()
    }

    /// Starts no more runs: the application's runtime has ended, and no other can run a handler. Events are still stored.
    pub(super) fn stop_without_runtime(&self) {
        let was_working = self.phase.send_if_modified(|phase| {
            let is_working = !matches!(phase, Phase::Stopping | Phase::Cancelling);
            if is_working {
                *phase = Phase::Stopping;
            }
            is_working
        });
        if was_working {
            error!(
                "the Tokio runtime that started the application has ended: no handler runs until the application is \
                 started again"
            );
        }
    }

    /// Wakes the worker to look for due tasks.
    pub(crate) fn wake(&self) {
        self.due.notify_one();
    }

    /// What wakes the worker.
    pub(crate) fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.due)
    }

    /// The ids of all handlers of this program.
    pub(super) fn handlers(&self) -> Arc<[HandlerId]> {
        self.registry.ids().collect()
    }

    /// Claims what is due, as far as there is capacity, and starts it.
    async fn claim_due(self: &Arc<Self>) -> ClaimLook {
        let capacity = self.slots.capacity();
        if capacity.slots == 0 {
            return ClaimLook { claimed: 0, next_due: None };
        }
        // Claimed tasks are in flight before the store has answered.
        let _in_flight = self.in_flight.one();
        match self.store.claim(capacity.clone()).await {
            Ok(result) => {
                self.store_worked(Retried::Claim);
                self.slots.note_claimed(&capacity, &result);
                let claimed = result.claims.len();
                for claim in result.claims {
                    let reservation = self.slots.reserve(claim.handler);
                    self.start_claim(claim, reservation);
                }
                let is_full = claimed >= capacity.slots;
                ClaimLook {
                    claimed,
                    next_due: if is_full { Some(Duration::ZERO) } else { result.next_claim },
                }
            }
            Err(error) => {
                self.store_failed(Retried::Claim, None, &error);
                ClaimLook { claimed: 0, next_due: Some(jittered(STORE_PAUSE)) }
            }
        }
    }

    /// Reports that the store could not do something, which is tried again.
    pub(super) fn store_failed(&self, what: Retried, task: Option<i64>, error: &StoreError) {
        self.report.note(&Fact::StoreFailed { what, task, error });
    }

    /// Reports that the store did something that is tried again when it fails.
    pub(super) fn store_worked(&self, what: Retried) {
        self.report.note(&Fact::StoreWorked { what });
    }
}
