//! One claimed task: wait for a slot, run the handler, record how it ended.
//!
//! When the handler has returned, its reply is sent and its slot is free; then the end of the run is recorded, which is
//! retried until the store accepts it. So a reply does not wait for the disk, and a shutdown waits for the record, not only
//! for the handler. A run whose end is never recorded, because the process ends first, is made again by the next process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use webhook_core::{Attempt, Envelope, Registration, Reply};

use super::attempt::{AttemptHandle, AttemptReport, BLOCKED};
use super::disposition::disposition;
use super::slots::{Reservation, Slot};
use super::worker::{Phase, STORE_PAUSE, Worker};
use crate::failpoint::failpoint;
use crate::jitter::jittered;
use crate::report::{AttemptEnded, Fact, Retried};
use crate::store::{Claim, Disposition, FinishResult, ParkReason, Ticket};

/// How long other tasks wait for one run of a suspect.
const ALONE: Duration = Duration::from_secs(30);

/// A claimed task that is to be run.
pub(crate) struct Started {
    ticket: Ticket,
    handler: &'static Registration,
    /// What the handler is told about the run.
    attempt: Attempt,
    /// How long it had been due when it was claimed, and when that was.
    overdue: Duration,
    claimed_at: Instant,
}

impl Started {
    /// A task that has just been claimed. `deadline` is that of its sender, if one waits for it.
    pub(crate) fn new(handler: &'static Registration, claim: &Claim, deadline: Option<Instant>) -> Self {
        let attempt = Attempt {
            handler: handler.id,
            endpoint: handler.endpoint.map_or_else(|| Arc::clone(&claim.endpoint), Arc::from),
            attempt: claim.attempt,
            is_replay: claim.is_replay,
            is_stale: claim.is_stale,
            deadline,
        };
        let (overdue, claimed_at) = (claim.overdue, Instant::now());
        Self { ticket: claim.ticket, handler, attempt, overdue, claimed_at }
    }
}

impl Worker {
    /// Starts a task that waited in the store, or parks it if this program cannot run it.
    pub(crate) fn start_claim(self: &Arc<Self>, claim: Claim, reservation: Reservation) {
        match self.runnable(&claim) {
            Ok((handler, envelope)) => {
                tokio::spawn(self.run(Started::new(handler, &claim, None), envelope, reservation, None));
            }
            Err((why, error)) => self.park(claim, why, error, reservation),
        }
    }

    /// Finds what a run needs, or says why the task can only be parked.
    fn runnable(
        &self,
        claim: &Claim,
    ) -> Result<(&'static Registration, Arc<Envelope>), (ParkReason, String)> {
        let known = self.registry.get(claim.handler);
        // A store claims only tasks of the handlers it was given. If one did not, the task would still not be lost.
        let handler = known.ok_or((ParkReason::NoHandler, "the program has no such handler".to_owned()))?;
        if claim.attempt > handler.policy.retry.attempts {
            return Err((ParkReason::Exhausted, "the process ended during the last attempt".to_owned()));
        }
        let envelope = Envelope::parse_stored(&claim.body).map_err(|error| {
            (ParkReason::Undecodable, format!("the stored body is not an event: {error}"))
        })?;
        Ok((handler, Arc::new(envelope)))
    }

    /// Parks a task that cannot be run.
    fn park(self: &Arc<Self>, claim: Claim, reason: ParkReason, error: String, reservation: Reservation) {
        let envelope = Envelope::parse_stored(&claim.body).ok();
        self.report.note(&Fact::TaskParked {
            task: claim.ticket.task,
            envelope: envelope.as_ref(),
            handler: claim.handler,
            attempt: claim.attempt,
            reason,
            error: &error,
        });
        let (worker, in_flight) = (Arc::clone(self), self.in_flight.one());
        tokio::spawn(async move {
            let parked = Disposition::Parked { why: reason, error };
            let finished = worker.record_end(claim.ticket, &parked).await;
            drop(reservation);
            worker.wake_after(&parked, finished);
            drop(in_flight);
        });
    }

    /// Runs a handler when it has a slot, and records how it ended. Sends its reply before that is on the disk.
    ///
    /// The task counts as in flight from this call, before the future is polled, until its end is recorded.
    ///
    /// Cancel safety: none. The caller spawns the future; if it were dropped, the task would stay running until the process
    /// ends.
    pub(crate) fn run(
        self: &Arc<Self>,
        started: Started,
        envelope: Arc<Envelope>,
        reservation: Reservation,
        reply: Option<oneshot::Sender<Option<Reply>>>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (worker, in_flight) = (Arc::clone(self), self.in_flight.one());
        let Started { ticket, handler, attempt, overdue, claimed_at } = started;
        async move {
            let (number, mut waited) = (attempt.attempt, None);
            let transaction = worker.transaction(ticket, handler);
            let report = match worker.slot(ticket, &reservation).await {
                Some(slot) => {
                    waited = Some(overdue + claimed_at.elapsed());
                    let running = worker.runner.start_in(transaction.as_ref(), handler, &envelope, attempt);
                    let report = worker.supervise(ticket, running, &envelope).await;
                    // Another run may start while the end of this one is stored.
                    drop(slot);
                    report.map(Arc::new)
                }
                None => None,
            };
            match &report {
                Some(report) => reservation.returned(report.took),
                None => drop(reservation),
            }
            let ended = match &report {
                Some(report) if report.has_started => disposition(&handler.policy.retry, report),
                // A lack of time or threads is not the handler's failure.
                _ => Disposition::Released,
            };
            if let Some(reply) = reply {
                // The sender may have stopped waiting.
                let _ = reply.send(report.as_ref().and_then(|report| report.reply.clone()));
            }
            failpoint("after-effect");
            let (ended, finished) = match &transaction {
                None => {
                    let finished = worker.record_end(ticket, &ended).await;
                    (ended, finished)
                }
                Some(transaction) => worker.record_end_of(transaction, ticket, ended).await,
            };
            worker.report.note(&Fact::AttemptEnded(AttemptEnded {
                envelope: &envelope,
                handler: handler.id,
                attempt: number,
                waited,
                report: report.as_ref(),
                disposition: &ended,
                was_ours: finished.was_ours,
            }));
            worker.wake_after(&ended, finished);
            drop(in_flight);
        }
    }

    /// Waits for a slot. `None` if the server stops first.
    async fn slot(&self, ticket: Ticket, reservation: &Reservation) -> Option<Slot> {
        let mut phase = self.phase.subscribe();
        let waiting = self.or_cleared(ticket, reservation.slot());
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Working) => None,
            slot = waiting => Some(slot),
        }
    }

    /// Waits for a run to end. `None` if it was cancelled because the server stops, or because its runtime has ended.
    async fn supervise(
        &self,
        ticket: Ticket,
        running: AttemptHandle,
        envelope: &Envelope,
    ) -> Option<AttemptReport> {
        let canceller = running.canceller();
        let mut phase = self.phase.subscribe();
        let ending = async {
            match self.end(ticket, running).await {
                Ok(report) => report,
                // It is not started again while it runs: two runs at once could do everything twice.
                Err(blocked) => {
                    self.report.note(&Fact::AttemptBlocks {
                        envelope,
                        handler: blocked.handler.id,
                        limit: blocked.limit(),
                        has_started: blocked.has_started(),
                    });
                    if blocked.has_started() {
                        self.blocked.send_replace(Some(blocked.handler.id));
                    }
                    self.clear_suspect(ticket).await;
                    blocked.end_at_last().await
                }
            }
        };
        let cancelled = async {
            let _ = phase.wait_for(|phase| matches!(phase, Phase::Suspended | Phase::Cancelling)).await;
        };
        let mut ending = std::pin::pin!(ending);
        tokio::select! {
            report = &mut ending => {
                let lost_its_runtime = report.lost_its_runtime();
                if lost_its_runtime {
                    self.stop_without_runtime();
                }
                Some(report).filter(|_| !lost_its_runtime)
            }
            () = cancelled => {
                canceller.stop();
                // If it blocks its thread, the process exits in good order with it: that is not a crash.
                self.clear_suspect(ticket).await;
                // A success just before counts.
                Some(ending.await).filter(|report| report.outcome.is_ok())
            }
        }
    }

    /// Waits for a run to end, and clears it of suspicion if that takes long.
    async fn end(&self, ticket: Ticket, running: AttemptHandle) -> Result<AttemptReport, AttemptHandle> {
        if running.limit() + BLOCKED <= ALONE {
            return running.end().await;
        }
        self.or_cleared(ticket, running.end()).await
    }

    /// Waits, and clears the run of suspicion if that takes long: other tasks must not wait for a suspect that waits itself.
    async fn or_cleared<T>(&self, ticket: Ticket, waiting: impl Future<Output = T>) -> T {
        let mut waiting = std::pin::pin!(waiting);
        match tokio::time::timeout(ALONE, &mut waiting).await {
            Ok(waited) => waited,
            Err(_) => {
                self.clear_suspect(ticket).await;
                waiting.await
            }
        }
    }

    /// Clears a run that has not crashed the process in all this time, retrying until the store accepts it.
    async fn clear_suspect(&self, ticket: Ticket) {
        while let Err(error) = self.store.clear_suspect(ticket).await {
            self.store_failed(Retried::ClearSuspect, Some(ticket.task), &error);
            tokio::time::sleep(jittered(STORE_PAUSE)).await;
        }
        self.store_worked(Retried::ClearSuspect);
        self.wake();
    }

    /// Records how a run ended, retrying until the store accepts it.
    pub(super) async fn record_end(&self, ticket: Ticket, disposition: &Disposition) -> FinishResult {
        loop {
            match self.store.finish(ticket, disposition.clone()).await {
                Ok(finished) => {
                    self.store_worked(Retried::Finish);
                    return finished;
                }
                Err(error) => {
                    self.store_failed(Retried::Finish, Some(ticket.task), &error);
                    tokio::time::sleep(jittered(STORE_PAUSE)).await;
                }
            }
        }
    }

    /// Wakes the worker after a run if a task may be due: a claim that finds none still costs the writer a turn.
    fn wake_after(&self, disposition: &Disposition, finished: FinishResult) {
        if finished.is_any_due || matches!(disposition, Disposition::Retry { .. }) {
            self.wake();
        }
    }
}
