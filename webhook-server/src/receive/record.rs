//! Storing a verified event and its tasks, and waiting for a reply where the sender waits for one.
//!
//! The order matters. Capacity is reserved before the event is stored, so that the store can start the runs in the same
//! transaction; a run that the store started must be run, whatever becomes of the request. Only for the two event types
//! whose answer Stripe waits for does the request wait for a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use webhook_core::{Envelope, Reply, catalog};

use super::new_event::{new_event, new_task};
use super::outcome::Receipt;
use crate::run::slots::Reservation;
use crate::run::task::Started;
use crate::run::worker::Worker;
use crate::store::{CameBy, NewTask, RecordResult, StartMode, StoreError};

/// How long a write may take before the sender is told to send the event again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long after its deadline an awaited run may still end.
const LATE: Duration = Duration::from_millis(100);

/// Stores events in the inbox, and starts the runs for which there is capacity.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) worker: Arc<Worker>,
    /// Whether an event was verified: its signature's timestamp agrees with this machine's clock.
    clock_is_right: watch::Sender<bool>,
}

/// A verified event and what is known of its arrival.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) came_by: CameBy,
    /// The signature's own timestamp, in seconds since the Unix epoch.
    pub(crate) signed_at: u64,
    /// When the request's head had arrived: an awaited answer is due some time after this.
    pub(crate) received_at: Instant,
}

/// What became of an event, apart from its tasks.
enum Recorded {
    New { id_is_reused: bool, known_occurrences: usize },
    Duplicate { same_body: bool },
}

/// A stored event.
struct Recording {
    recorded: Recorded,
    /// The number of tasks that it got.
    tasks: usize,
    /// If the sender waits for a run: its reply, and until when.
    awaited: Option<(oneshot::Receiver<Option<Reply>>, Instant)>,
}

impl Recorder {
    pub(crate) fn new(worker: Arc<Worker>) -> Self {
        Self { worker, clock_is_right: watch::Sender::new(false) }
    }

    /// Becomes true with the first verified event: retention waits for that.
    pub(crate) fn clock_is_right(&self) -> watch::Receiver<bool> {
        self.clock_is_right.subscribe()
    }

    /// Stores an event and returns when it is on the disk. If the sender waits for a handler's answer, returns after the
    /// first run of that handler.
    ///
    /// # Errors
    ///
    /// Fails if the store fails, or does not confirm within [`COMMIT_TIMEOUT`]. The event may be stored all the same;
    /// Stripe sends it again, and it is recognised.
    ///
    /// Cancel safety: none. The event is stored all the same, but the runs that the store starts with it would not be made
    /// before the process ends. So the caller never cancels this.
    pub(crate) async fn record(self: &Arc<Self>, arrival: Arrival) -> Result<Receipt, StoreError> {
        self.worker.check_recovered()?;
        let envelope = Arc::clone(&arrival.envelope);
        let mut recording = Box::pin(Arc::clone(self).record_and_start(arrival));
        let Ok(recorded) = tokio::time::timeout(COMMIT_TIMEOUT, &mut recording).await else {
            // What the store starts must be run all the same.
            tokio::spawn(recording);
            return Err(StoreError::Slow(COMMIT_TIMEOUT));
        };
        let Recording { recorded, tasks, awaited } = recorded?;
        let reply = match awaited {
            // A run that cannot be cancelled is not waited for.
            Some((reply, until)) => {
                let left = (until + LATE).saturating_duration_since(Instant::now());
                match tokio::time::timeout(left, reply).await {
                    Ok(replied) => replied.ok().flatten(),
                    Err(_) => None,
                }
            }
            None => None,
        };
        Ok(match recorded {
            Recorded::New { id_is_reused, known_occurrences } => {
                Receipt::Stored { envelope, tasks, known_occurrences, id_is_reused, reply }
            }
            Recorded::Duplicate { same_body } => Receipt::Duplicate { envelope, same_body, tasks, reply },
        })
    }

    /// Keeps a verified body that is not an event, or that the store refuses as one, and returns when it is on the disk.
    ///
    /// Cancel safety: it is kept all the same.
    pub(crate) async fn quarantine(
        &self,
        body: Bytes,
        reason: String,
        came_by: CameBy,
    ) -> Result<Receipt, StoreError> {
        self.worker.check_recovered()?;
        let keeping = self.worker.store.quarantine(body, reason.clone(), came_by);
        let is_new = tokio::time::timeout(COMMIT_TIMEOUT, keeping).await;
        let is_new = is_new.map_err(|_| StoreError::Slow(COMMIT_TIMEOUT))??;
        Ok(Receipt::Quarantined { reason, is_new })
    }

    /// Stores an event and starts its runs, as far as there is capacity. Tasks without capacity wait for the worker,
    /// which is woken.
    async fn record_and_start(self: Arc<Self>, arrival: Arrival) -> Result<Recording, StoreError> {
        let worker = &self.worker;
        // What the store starts is in flight before the store has answered.
        let _in_flight = worker.in_flight.one();
        let Arrival { envelope, came_by, signed_at, received_at } = arrival;
        let handlers = worker.registry.handlers_at(&envelope.event_type, [&*came_by.endpoint]);
        let object = envelope.object_id();
        let may_start = worker.may_start();
        let mut reservations: Vec<Option<Reservation>> = Vec::with_capacity(handlers.len());
        let mut tasks = Vec::with_capacity(handlers.len());
        for &handler in &handlers {
            let reservation = if may_start { worker.slots.try_reserve(handler) } else { None };
            let at_once = match &reservation {
                Some(_) if handler.policy.replies => StartMode::Awaited,
                Some(_) => StartMode::IfFree,
                None => StartMode::No,
            };
            tasks.push(NewTask { at_once, ..new_task(handler, &envelope, object.as_deref()) });
            reservations.push(reservation);
        }
        let recorded = worker.store.record(new_event(&envelope, object, came_by, signed_at, tasks)).await;
        self.clock_is_right.send_if_modified(|is_right| !std::mem::replace(is_right, true));
        let (recorded, started, tasks) = match recorded {
            Ok(RecordResult::New { started, id_is_reused, known_occurrences }) => {
                let tasks = handlers.len().saturating_sub(known_occurrences);
                (Ok(Recorded::New { id_is_reused, known_occurrences }), started, tasks)
            }
            Ok(RecordResult::Duplicate { started, added, same_body }) => {
                (Ok(Recorded::Duplicate { same_body }), started, added)
            }
            Err(error) => (Err(error), Vec::new(), 0),
        };
        let not_started = handlers.len() - started.len();
        let awaited_until = answer_within(&envelope.event_type).map(|limit| received_at + limit);
        let mut awaited = None;
        for claim in started {
            let Some(at) = handlers.iter().position(|handler| handler.id == claim.handler) else { continue };
            let reservation = reservations[at].take().unwrap_or_else(|| worker.slots.reserve(claim.handler));
            // A known event may have arrived with another body first.
            let is_first = claim.body == envelope.body;
            let stored = is_first.then(|| Ok(Arc::clone(&envelope)));
            let stored = stored.unwrap_or_else(|| Envelope::parse_stored(&claim.body).map(Arc::new));
            let Ok(stored) = stored else {
                worker.start_claim(claim, reservation);
                continue;
            };
            let deadline = awaited_until.filter(|_| handlers[at].policy.replies);
            let started = Started::new(handlers[at], &claim, deadline);
            let reply = deadline.map(|until| {
                let (reply, awaits) = oneshot::channel();
                awaited = Some((awaits, until));
                reply
            });
            tokio::spawn(worker.run(started, stored, reservation, reply));
        }
        if not_started > 0 {
            // Something may be due all the same: tasks without a reservation, an event of which it is not known
            // whether it is stored, tasks that could not run because of the reservations held here.
            drop(reservations);
            worker.wake();
        }
        Ok(Recording { recorded: recorded?, tasks, awaited })
    }
}

/// How long the answer to an event may take, if Stripe waits for it: as long as Stripe waits, minus a tenth for the return
/// trip, at most half a second.
fn answer_within(event_type: &str) -> Option<Duration> {
    let patience = catalog::awaited(event_type)?.patience;
    Some(patience - (patience / 10).min(Duration::from_millis(500)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_awaited_answer_leaves_time_for_the_way_back() {
        assert_eq!(answer_within("issuing_authorization.request"), Some(Duration::from_millis(1_800)));
        assert_eq!(answer_within("checkout.session.completed"), Some(Duration::from_millis(9_500)));
        assert_eq!(answer_within("payment_intent.succeeded"), None);
    }
}
