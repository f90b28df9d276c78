//! Running what is stored: claim, run, end.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};
use webhook_core::{DecodeError, Envelope, Registration, Reply, Retry, Verdict};

use super::slots::{Reservation, Slot};
use crate::receive::record::{Inbox, Phase};
use crate::report::format::rounded;
use crate::report::parked_because;
use crate::run::attempt::{AttemptHandle, AttemptReport, Start};
use crate::store::{Claim, Disposition, FinishResult, ParkReason, Ticket};

/// How long to wait after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The longest time without looking for what is due.
const LOOK_AT_LEAST: Duration = Duration::from_secs(60);

/// How long runs that were cancelled have to end.
const CANCELLED: Duration = Duration::from_secs(1);

/// How long what waits for a suspect waits for one run of it.
const ALONE: Duration = Duration::from_secs(30);

/// The longest error text that is stored, in bytes.
const MAX_ERROR: usize = 4 * 1024;

impl Inbox {
    /// Runs what is due, until the server stops.
    pub(crate) async fn work(self: Arc<Self>) {
        let mut phase = self.phase.subscribe();
        while *phase.borrow_and_update() == Phase::Working {
            let wait = self.claim_due().await;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.due.notified() => {}
                _ = phase.changed() => {}
            }
        }
    }

    /// Claims what is due, as far as there are places, and runs it. Returns how long to wait, unless something is told.
    async fn claim_due(self: &Arc<Self>) -> Duration {
        let capacity = self.slots.capacity();
        if capacity.slots == 0 {
            return LOOK_AT_LEAST;
        }
        // What is claimed is in hand before the store has answered.
        let _in_hand = self.in_hand.one();
        match self.store.claim(capacity.clone()).await {
            Ok(claimed) => {
                self.slots.claimed(&capacity, &claimed);
                let is_full = claimed.claims.len() >= capacity.slots;
                for claim in claimed.claims {
                    let place = self.slots.place(&claim.handler);
                    self.resume(claim, place);
                }
                if is_full {
                    return Duration::ZERO;
                }
                claimed.next_due.unwrap_or(LOOK_AT_LEAST).min(LOOK_AT_LEAST)
            }
            Err(error) => {
                warn!(%error, "the inbox cannot say what is due");
                STORE_PAUSE
            }
        }
    }

    /// Starts nothing more, and waits for the runs in progress, for at most `patience`; then cancels those that still
    /// go on and gives their tasks back, without counting the attempt. Returns whether none is left.
    pub(crate) async fn settle(&self, patience: Duration) -> bool {
        self.phase.send_replace(Phase::Stopping);
        if tokio::time::timeout(patience, self.in_hand.none()).await.is_ok() {
            return true;
        }
        self.phase.send_replace(Phase::Cancelling);
        tokio::time::timeout(CANCELLED, self.in_hand.none()).await.is_ok()
    }

    /// Runs a task that waited in the store.
    fn resume(self: &Arc<Self>, claim: Claim, place: Reservation) {
        let end = match self.runnable(&claim) {
            Ok((handler, envelope)) => {
                let start = Start {
                    endpoint: claim.endpoint.as_str().into(),
                    attempt: claim.attempt,
                    is_replay: claim.is_replay,
                    is_stale: claim.is_stale,
                    awaited_until: None,
                };
                tokio::spawn(self.run(claim.ticket, handler, envelope, start, place));
                return;
            }
            Err((why, error)) => Disposition::Parked { why, error },
        };
        if let Disposition::Parked { why, error: cause } = &end {
            let why = parked_because(*why);
            error!(
                task = claim.ticket.task,
                handler = claim.handler,
                attempt = claim.attempt,
                cause,
                why,
                "task parked"
            );
        }
        let (inbox, in_hand) = (Arc::clone(self), self.in_hand.one());
        tokio::spawn(async move {
            let finished = inbox.write_end(claim.ticket, &end).await;
            drop(place);
            inbox.look_after(&end, finished);
            drop(in_hand);
        });
    }

    /// Finds what a run needs, or says why the task can only be parked.
    fn runnable(
        &self,
        claim: &Claim,
    ) -> Result<(&'static Registration, Arc<Envelope>), (ParkReason, String)> {
        let known = self.registry.registrations().iter().copied().find(|known| known.id == claim.handler);
        // A store starts nothing of a handler that was not named to it. If one did, the task would not be lost.
        let handler = known.ok_or((ParkReason::NoHandler, "the program has no such handler".to_owned()))?;
        if claim.attempt > handler.policy.retry.max {
            return Err((ParkReason::Exhausted, "the process ended during the last attempt".to_owned()));
        }
        let envelope = Envelope::parse_stored(&claim.body)
            .map_err(|error| (ParkReason::Undecodable, format!("the stored body is no event: {error}")))?;
        Ok((handler, Arc::new(envelope)))
    }

    /// Runs a handler when it has a slot, and records how it ended. Returns its reply, before that is on the disk.
    pub(crate) fn run(
        self: &Arc<Self>,
        ticket: Ticket,
        handler: &'static Registration,
        envelope: Arc<Envelope>,
        start: Start,
        place: Reservation,
    ) -> impl Future<Output = Option<Reply>> + Send + 'static {
        let (inbox, in_hand) = (Arc::clone(self), self.in_hand.one());
        async move {
            let attempt = start.attempt;
            let ran = match inbox.slot(ticket, &place).await {
                Some(slot) => {
                    let running = inbox.runner.start(handler, &envelope, start);
                    let ran = inbox.watch(ticket, running, &envelope).await;
                    // Another run may begin while the end of this one is stored.
                    drop(slot);
                    if let Some(ran) = &ran {
                        place.returned(ran.took);
                    }
                    ran
                }
                None => None,
            };
            let end = match &ran {
                Some(ran) if ran.has_begun => end(&handler.policy.retry, attempt, ran),
                // It is not the handler's failure that it had no time, or no thread.
                _ => Disposition::Released,
            };
            let reply = ran.as_ref().and_then(|ran| ran.reply.clone());
            tokio::spawn(async move {
                crate::store::failpoint::failpoint!("after-effect");
                let finished = inbox.write_end(ticket, &end).await;
                inbox.journal.ran(&envelope, handler, ran.as_ref(), attempt, &end, finished.was_ours);
                inbox.look_after(&end, finished);
                drop(in_hand);
            });
            reply
        }
    }

    /// Waits for a slot. `None` if the server stops before there is one.
    async fn slot(&self, ticket: Ticket, place: &Reservation) -> Option<Slot> {
        let mut phase = self.phase.subscribe();
        let waiting = async {
            let mut waiting = std::pin::pin!(place.slot());
            match tokio::time::timeout(ALONE, &mut waiting).await {
                Ok(slot) => slot,
                Err(_) => {
                    // Others do not wait for a suspect that waits itself.
                    self.acquit(ticket).await;
                    waiting.await
                }
            }
        };
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| matches!(phase, Phase::Stopping | Phase::Cancelling)) => None,
            slot = waiting => Some(slot),
        }
    }

    /// Waits for a run to end. `None` if it was cancelled because the server stops.
    async fn watch(
        &self,
        ticket: Ticket,
        running: AttemptHandle,
        envelope: &Envelope,
    ) -> Option<AttemptReport> {
        let canceller = running.canceller();
        let mut phase = self.phase.subscribe();
        let ending = async {
            let mut ending = std::pin::pin!(running.end());
            let ended = match tokio::time::timeout(ALONE, &mut ending).await {
                Ok(ended) => ended,
                Err(_) => {
                    self.acquit(ticket).await;
                    ending.await
                }
            };
            match ended {
                Ok(ran) => ran,
                Err(late) => {
                    let (event_id, handler) = (&envelope.id, late.handler.id);
                    if late.has_begun() {
                        // It is not started again while it goes on: two runs at once could do everything twice.
                        error!(
                            event_id,
                            handler,
                            limit = %rounded(late.limit()),
                            "handler blocks its thread and cannot be cancelled: it keeps its slot until it returns; give \
                             what it calls a timeout"
                        );
                    } else {
                        warn!(event_id, handler, "a run cannot begin: handlers that block have all threads");
                    }
                    self.acquit(ticket).await;
                    late.end_at_last().await
                }
            }
        };
        let cancelled = async {
            let _ = phase.wait_for(|phase| *phase == Phase::Cancelling).await;
        };
        let mut ending = std::pin::pin!(ending);
        tokio::select! {
            ran = &mut ending => Some(ran),
            () = cancelled => {
                canceller.abort();
                // If it does not let go of its thread, the process ends with it, in good order: that is not a crash.
                self.acquit(ticket).await;
                // What has just succeeded counts.
                Some(ending.await).filter(|ran| ran.outcome.is_ok())
            }
        }
    }

    /// Lets others run beside a run that has not ended the process in all that time, however long it takes to store that.
    async fn acquit(&self, ticket: Ticket) {
        while let Err(error) = self.store.acquit(ticket).await {
            warn!(%error, task = ticket.task, "a run could not be cleared of suspicion yet");
            tokio::time::sleep(STORE_PAUSE).await;
        }
        self.due.notify_one();
    }

    /// Has the store know how a run ended, however long that takes.
    async fn write_end(&self, ticket: Ticket, end: &Disposition) -> FinishResult {
        loop {
            match self.store.finish(ticket, end.clone()).await {
                Ok(finished) => return finished,
                Err(error) => {
                    warn!(%error, task = ticket.task, "the end of a run could not be stored yet");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Wakes the worker after the end of a run if there may be something to claim: a claim that finds nothing still
    /// costs a turn of the writer.
    fn look_after(&self, end: &Disposition, finished: FinishResult) {
        if finished.is_any_due || matches!(end, Disposition::Retry { .. }) {
            self.due.notify_one();
        }
    }
}

/// What follows from how a run ended.
fn end(retry: &Retry, attempt: u32, ran: &AttemptReport) -> Disposition {
    let Err(failure) = &ran.outcome else { return Disposition::Done };
    let error = storable(ran.error.as_deref().unwrap_or_default());
    match failure.verdict() {
        Verdict::Skip => Disposition::Skipped { error },
        Verdict::Park if failure.cause().is::<DecodeError>() => {
            Disposition::Parked { why: ParkReason::Undecodable, error }
        }
        Verdict::Park => Disposition::Parked { why: ParkReason::Asked, error },
        _ if attempt >= retry.max => Disposition::Parked { why: ParkReason::Exhausted, error },
        Verdict::Retry { after: Some(delay) } => {
            Disposition::Retry { after: delay.clamp(Retry::SHORTEST, Retry::LONGEST), error }
        }
        _ => Disposition::Retry { after: retry.delay(attempt, random()), error },
    }
}

/// From 0 up to 1. Without a source of randomness, the middle.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |word| f64::from(word) / (f64::from(u32::MAX) + 1.0))
}

/// A handler's error as it is stored: one line of text that any database holds.
fn storable(error: &str) -> String {
    let mut text: String = error.chars().filter(|char| *char != '\0').collect();
    if text.len() > MAX_ERROR {
        let end = (0..=MAX_ERROR - 3).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
