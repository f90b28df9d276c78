//! Keeping this instance's lease, where several share a store.
//!
//! An instance whose lease is not renewed in time gives up before another may take its tasks over: it cancels its runs and
//! starts nothing, but still records what arrives.
//!
//! Two tasks share the work: one renews the lease, the other watches when the last renewal that succeeded was sent, so
//! that a renewal that hangs does not keep this instance from giving up in time. A store with one instance has no
//! lease.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, info, warn};

use super::worker::{CANCELLED, Phase, Worker};
use crate::report::Fact;
use crate::report::Retried;
use crate::report::format::chain;
use crate::store::{Heartbeat, Lease, Recovered, StoreError};

impl Worker {
    /// Keeps the lease, if the store has one, until the instance has left.
    pub(crate) async fn keep_lease(self: Arc<Self>) {
        let Some(lease) = self.store.lease() else { return };
        let (renewed, seen) = watch::channel(Instant::now());
        tokio::select! {
            () = self.renew(lease, &renewed) => {}
            () = self.give_up_in_time(lease, seen) => {}
        }
    }

    /// Tells the store that this instance stops. Without that, others learn it from the lease.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.store.leave().await {
            warn!(error = chain(&error), "the inbox could not be told that this server is stopping");
        }
    }

    /// Renews the lease, also while the worker is drained. Notes when the last renewal that succeeded was sent.
    async fn renew(self: &Arc<Self>, lease: Lease, renewed: &watch::Sender<Instant>) {
        let mut is_dead = false;
        loop {
            sleep(lease.renew_every).await;
            let sent = Instant::now();
            let answer = timeout(lease.renew_every, self.store.heartbeat()).await;
            let answer = answer.unwrap_or(Err(StoreError::Slow(lease.renew_every)));
            if answer.is_ok() {
                self.store_worked(Retried::Renew);
            }
            match answer {
                Ok(Heartbeat::Renewed(recovered)) => self.renewed(renewed, sent, &recovered),
                Ok(Heartbeat::Lost) if self.is_stopping() => return,
                Ok(Heartbeat::Lost) => {
                    self.give_up();
                    if !std::mem::replace(&mut is_dead, true) {
                        warn!("another instance considered this one dead: joining again");
                    }
                    // A run that cannot be cancelled is not waited for: its task is another instance's by now.
                    let _ = timeout(CANCELLED, self.in_flight.none()).await;
                    let sent = Instant::now();
                    match self.store.recover(self.handlers()).await {
                        Ok(recovered) => {
                            is_dead = false;
                            self.store_worked(Retried::Join);
                            self.renewed(renewed, sent, &recovered);
                        }
                        Err(error) => self.store_failed(Retried::Join, None, &error),
                    }
                }
                Err(error) => self.store_failed(Retried::Renew, None, &error),
            }
        }
    }

    /// Gives up whenever the last renewal is too old.
    async fn give_up_in_time(&self, lease: Lease, mut renewed: watch::Receiver<Instant>) {
        loop {
            let deadline = *renewed.borrow_and_update() + lease.give_up_after;
            let changed = tokio::select! {
                changed = renewed.changed() => changed,
                () = sleep_until(deadline) => {
                    self.give_up();
                    renewed.changed().await
                }
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Notes a renewal, reports what was taken over, and starts work again after a suspension.
    fn renewed(self: &Arc<Self>, renewed: &watch::Sender<Instant>, sent: Instant, recovered: &Recovered) {
        renewed.send_replace(sent);
        if *recovered != Recovered::default() {
            self.report.note(&Fact::TakenOver { recovered });
            self.wake();
        }
        if self.move_from(Phase::Suspended, Phase::Working) {
            info!("this instance has its lease again, and starts runs");
            tokio::spawn(Arc::clone(self).work());
        }
    }

    /// Cancels all runs, and starts nothing until the lease is renewed.
    fn give_up(&self) {
        if self.move_from(Phase::Working, Phase::Suspended)
            || self.move_from(Phase::Stopping, Phase::Cancelling)
        {
            error!("this instance lost its lease: its runs are cancelled");
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Stopping | Phase::Cancelling)
    }

    /// Goes from one phase to another. Returns whether it did.
    fn move_from(&self, from: Phase, to: Phase) -> bool {
        self.phase.send_if_modified(|phase| {
            let moves = *phase == from;
            if moves {
                *phase = to;
            }
            moves
        })
    }
}
