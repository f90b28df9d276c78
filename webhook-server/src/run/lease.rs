//! Keeping this instance's lease, where several share a store.
//!
//! An instance whose lease is not renewed in time gives up before another may take its tasks over: it cancels its runs and
//! starts nothing, but still records what arrives.

use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, info, warn};

use super::worker::{Phase, Worker};
use crate::store::{Heartbeat, Recovered, StoreError};

impl Worker {
    /// Renews the lease, if the store has one, until the server stops.
    pub(crate) async fn keep_lease(self: Arc<Self>) {
        let Some(lease) = self.store.lease() else { return };
        let mut renewed = Instant::now();
        while matches!(*self.phase.borrow(), Phase::Working | Phase::Suspended) {
            sleep(lease.renew_every).await;
            let sent = Instant::now();
            let is_suspended = *self.phase.borrow() == Phase::Suspended;
            let deadline =
                if is_suspended { sent + lease.renew_every } else { renewed + lease.give_up_after };
            match timeout_at(deadline, self.store.heartbeat()).await {
                Ok(Ok(Heartbeat::Renewed(recovered))) => {
                    renewed = sent;
                    self.took_over(&recovered);
                    self.resume_work();
                }
                Ok(Ok(Heartbeat::Lost)) => {
                    warn!("another instance took this one for dead: it rejoins when its runs have ended");
                    self.suspend();
                    self.in_flight.none().await;
                    let joined = Instant::now();
                    match self.store.recover(self.handlers()).await {
                        Ok(recovered) => {
                            renewed = joined;
                            self.took_over(&recovered);
                            self.resume_work();
                        }
                        Err(error) => {
                            self.store_failed("this instance could not join again yet", None, &error)
                        }
                    }
                }
                failed => {
                    let error = failed.unwrap_or(Err(StoreError::Slow(sent.elapsed()))).err();
                    if let Some(error) = error {
                        self.store_failed("the lease could not be renewed yet", None, &error);
                    }
                    if Instant::now() >= renewed + lease.give_up_after {
                        self.suspend();
                    }
                }
            }
        }
    }

    /// Tells the store that this instance stops. Without that, others learn it from the lease.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.store.leave().await {
            self.store_failed("the inbox was not told that this server stops", None, &error);
        }
    }

    fn took_over(&self, recovered: &Recovered) {
        if *recovered != Recovered::default() {
            let Recovered { suspects, poisoned, without_handler, resumed } = *recovered;
            info!(suspects, poisoned, without_handler, resumed, "took over from instances that are gone");
            self.wake();
        }
    }

    /// Cancels all runs, and starts nothing until the lease is renewed.
    fn suspend(&self) {
        if self.move_from(Phase::Working, Phase::Suspended) {
            error!("this instance lost its lease: its runs are cancelled until it has one again");
        }
    }

    fn resume_work(self: &Arc<Self>) {
        if self.move_from(Phase::Suspended, Phase::Working) {
            tokio::spawn(Arc::clone(self).work());
        }
    }

    /// Goes from one phase to another, unless the server stops. Returns whether it did.
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
