//! The inbox: events are stored before they are answered, and their handlers run when that is done.
//!
//! [`Inbox::record`] is the receiving half; [`worker`] runs what was stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use webhook_core::{Envelope, Registry, Reply};

use super::new_event::{arrival, new_task};
use crate::receive::outcome::Taken;
use crate::report::Journal;
use crate::run::attempt::{Runner, Start};
use crate::run::slots::{InHand, Reservation, Slots};
use crate::store::{NewTask, RecordResult, Recovered, StartMode, Store, StoreError};

/// How long a write may take before the sender is told to come again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// An application's inbox.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) runner: Runner,
    pub(crate) endpoint: Arc<str>,
    pub(crate) journal: Journal,
    pub(crate) slots: Slots,
    /// Told when a task may have become due, or a place for one is free.
    pub(crate) due: Arc<Notify>,
    /// The tasks that are claimed and whose end is not stored yet.
    pub(crate) in_hand: InHand,
    pub(crate) phase: watch::Sender<Phase>,
    /// Whether an event was verified: its signature's time agrees with this machine's.
    pub(crate) clock_is_right: watch::Sender<bool>,
}

/// What the store made of an event.
enum Recording {
    /// If the sender waits for a run, that run, and until when.
    New {
        awaited: Option<(JoinHandle<Option<Reply>>, Instant)>,
        id_is_reused: bool,
    },
    Duplicate {
        same_body: bool,
    },
}

/// How long after its deadline an awaited run may still end.
const LATE: Duration = Duration::from_millis(100);

/// How far the end of the server has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Nothing is taken in yet: what a former process left has not been taken over.
    Waiting,
    Working,
    /// Nothing is started any more.
    Stopping,
    /// What still runs is cancelled.
    Cancelling,
}

impl Inbox {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        runner: Runner,
        endpoint: Arc<str>,
        journal: Journal,
        concurrency: u32,
    ) -> Self {
        let due = Arc::new(Notify::new());
        Self {
            store,
            slots: Slots::new(concurrency, registry.registrations(), Arc::clone(&due)),
            in_hand: InHand::new(),
            registry,
            runner,
            endpoint,
            journal,
            due,
            phase: watch::Sender::new(Phase::Working),
            clock_is_right: watch::Sender::new(false),
        }
    }

    /// Stores an event, and returns when that is on the disk. A handler for whose answer the sender waits has its first
    /// run, too.
    ///
    /// Cancel safety: the event is stored all the same.
    pub(crate) async fn record(
        self: &Arc<Self>,
        envelope: Envelope,
        signed_at: u64,
        received_at: Instant,
    ) -> Result<Taken, StoreError> {
        self.is_begun()?;
        let envelope = Arc::new(envelope);
        let tasks = self.registry.handlers_of(&envelope.event_type).len();
        // In a task of its own: what the store starts is run even if nobody waits for it here any longer.
        let recording =
            tokio::spawn(Arc::clone(self).record_and_start(Arc::clone(&envelope), signed_at, received_at));
        let recorded = tokio::time::timeout(COMMIT_TIMEOUT, recording).await;
        let recorded = recorded.map_err(|_| StoreError::Slow(COMMIT_TIMEOUT))?;
        let (awaited, id_is_reused) =
            match recorded.map_err(|_| StoreError::Broken("storing panicked".to_owned()))?? {
                Recording::New { awaited, id_is_reused } => (awaited, id_is_reused),
                Recording::Duplicate { same_body } => return Ok(Taken::Duplicate { envelope, same_body }),
            };
        let reply = match awaited {
            // One that cannot be cancelled is not waited for.
            Some((run, until)) => match tokio::time::timeout_at((until + LATE).into(), run).await {
                Ok(ran) => ran.ok().flatten(),
                Err(_) => None,
            },
            None => None,
        };
        Ok(Taken::New { envelope, tasks, id_is_reused, reply })
    }

    /// Stores an event and starts its runs, as far as there are places for them.
    async fn record_and_start(
        self: Arc<Self>,
        envelope: Arc<Envelope>,
        signed_at: u64,
        received_at: Instant,
    ) -> Result<Recording, StoreError> {
        // What the store starts is in hand before it has answered.
        let _in_hand = self.in_hand.one();
        let handlers = self.registry.handlers_of(&envelope.event_type);
        let mut places: Vec<Option<Reservation>> = Vec::with_capacity(handlers.len());
        let mut tasks = Vec::with_capacity(handlers.len());
        for handler in handlers {
            let place = self.slots.at_once(handler);
            let at_once = match &place {
                Some(_) if handler.policy.replies => StartMode::Awaited,
                Some(_) => StartMode::IfFree,
                None => StartMode::No,
            };
            tasks.push(NewTask { at_once, ..new_task(handler, &envelope) });
            places.push(place);
        }
        let mut recorded = self.store.record(arrival(&envelope, &self.endpoint, signed_at, tasks)).await;
        self.clock_is_right.send_if_modified(|is_right| !std::mem::replace(is_right, true));
        let started = match &mut recorded {
            Ok(RecordResult::New { started, .. }) => std::mem::take(started),
            Ok(RecordResult::Duplicate { .. }) | Err(_) => Vec::new(),
        };
        let not_started = handlers.len() - started.len();
        let awaited_until = waits(&envelope.event_type).map(|wait| received_at + wait);
        let mut awaited = None;
        for claim in started {
            let Some(at) = handlers.iter().position(|handler| handler.id == claim.handler) else { continue };
            let until = awaited_until.filter(|_| handlers[at].policy.replies);
            let start = Start { is_stale: claim.is_stale, ..Start::first(&self.endpoint, until) };
            let place = places[at].take().unwrap_or_else(|| self.slots.place(&claim.handler));
            let run = self.run(claim.ticket, handlers[at], Arc::clone(&envelope), start, place);
            let run = tokio::spawn(run);
            awaited = until.map(|until| (run, until)).or(awaited);
        }
        if not_started > 0 {
            // There may be something to run all the same: tasks that wait for a place; an event of which it is not known
            // whether it is stored; what could not run while the places that are given back now were held here.
            drop(places);
            self.due.notify_one();
        }
        Ok(match recorded? {
            RecordResult::New { id_is_reused, .. } => Recording::New { awaited, id_is_reused },
            RecordResult::Duplicate { same_body } => Recording::Duplicate { same_body },
        })
    }

    /// Keeps a verified body that is no event, and returns when it is on the disk.
    ///
    /// Cancel safety: it is kept all the same.
    pub(crate) async fn quarantine(&self, body: Bytes, reason: String) -> Result<Taken, StoreError> {
        self.is_begun()?;
        let keeping = tokio::time::timeout(COMMIT_TIMEOUT, self.store.quarantine(body, reason.clone()));
        let is_new = keeping.await.map_err(|_| StoreError::Slow(COMMIT_TIMEOUT))??;
        Ok(Taken::Quarantined { reason, is_new })
    }

    /// Takes over what a former process left. If the disk is full, nothing is taken in until a later try succeeds.
    pub(crate) async fn begin(&self) -> Result<Recovered, StoreError> {
        let began = self.store.begin(self.handlers()).await;
        let begun = if began.is_ok() { Phase::Working } else { Phase::Waiting };
        self.phase.send_if_modified(|phase| {
            let was_stopped = matches!(phase, Phase::Stopping | Phase::Cancelling);
            !was_stopped && std::mem::replace(phase, begun) != begun
        });
        began
    }

    /// Checks that events may be taken in.
    fn is_begun(&self) -> Result<(), StoreError> {
        match *self.phase.borrow() {
            Phase::Waiting => Err(StoreError::DiskFull),
            Phase::Working | Phase::Stopping | Phase::Cancelling => Ok(()),
        }
    }

    /// The ids of all handlers that there are.
    pub(crate) fn handlers(&self) -> Arc<[String]> {
        self.registry.registrations().iter().map(|handler| handler.id.to_owned()).collect()
    }
}

/// How long Stripe waits for the answer to an event before it goes on without, less what the way back takes.
///
/// Sources: <https://docs.stripe.com/checkout/fulfillment>,
/// <https://docs.stripe.com/issuing/controls/real-time-authorizations>.
fn waits(event_type: &str) -> Option<Duration> {
    match event_type {
        "issuing_authorization.request" => Some(Duration::from_millis(1_800)),
        "checkout.session.completed" => Some(Duration::from_millis(9_500)),
        _ => None,
    }
}
