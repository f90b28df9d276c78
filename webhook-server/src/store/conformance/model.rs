//! The model that every store is compared with: an inbox as plain data. Each operation says step by step what it does,
//! and looks at every row.

mod claim;
mod finish;
mod operate;
mod prune;
mod record;
mod recover;
mod show;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use webhook_core::Retry;

use crate::store::clock::{StoreClock, millis};
use crate::store::keys::keepable;
use crate::store::{
    ACCUSED, ATTEMPTS_KEPT, AttemptOutcome, AttemptRow, Backlog, Body, CameBy, Capacity, Claim, ClaimResult,
    Disposition, EndpointRow, EventRow, Filter, FinishResult, HandlerId, HandlerStats, Heartbeat, Lane,
    Lease, MAX_CRASHES, NewEvent, NewTask, POISON, PRUNE_STEP, ParkReason, Pruned, QuarantineRow,
    Quarantined, RecordResult, Recovered, Replayed, Retention, SECRET_KEPT, SECRET_USE_NOTED_EVERY,
    SecretName, SecretRow, StartMode, State, Stats, Store, StoreFuture, StoredEvent, TaskRow, Ticket,
};

/// An inbox as plain data.
pub(crate) struct Model {
    clock: StoreClock,
    /// How long a lease lasts. Without leases, an instance is gone when the inbox is restarted.
    lease: Option<Duration>,
    /// This instance's number, once it has joined.
    me: AtomicI64,
    data: Arc<Mutex<Data>>,
}

/// Shows how much there is.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data();
        f.debug_struct("Model")
            .field("events", &data.events.len())
            .field("tasks", &data.tasks.len())
            .field("quarantine", &data.quarantine.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Data {
    /// By sequence number, which is the order of arrival.
    events: BTreeMap<i64, StoredArrival>,
    tasks: BTreeMap<i64, Task>,
    /// The events that have an occurrence, for each handler that takes their twins as well.
    occurrences: BTreeMap<(HandlerId, String), i64>,
    /// In the order in which they ended.
    attempts: Vec<AttemptRow>,
    quarantine: BTreeMap<i64, StoredBody>,
    /// By endpoint, label and fingerprint.
    secrets: BTreeMap<(String, String, String), SecretTimes>,
    /// The live instances, by their numbers.
    instances: BTreeMap<i64, Instance>,
    /// The instance that the present operation is for.
    me: i64,
    // The last ids given out: one that was pruned is not given out again.
    last_event: i64,
    last_task: i64,
    last_quarantined: i64,
    last_instance: i64,
}

/// When a secret was last configured, and last used if it ever was.
#[derive(Clone)]
struct SecretTimes {
    configured: i64,
    used: Option<i64>,
}

/// An instance of the program.
#[derive(Clone)]
struct Instance {
    handlers: Arc<[HandlerId]>,
    /// When its lease ends; `None` if it has none.
    until: Option<i64>,
}

/// An event. Its row is what an operator sees, except that `body` decides `has_body`.
#[derive(Clone)]
struct StoredArrival {
    row: EventRow,
    digest: [u8; 32],
    body: Option<Bytes>,
}

/// The task of one handler for an event.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: i64,
    /// The event's sequence number.
    pub(crate) event: i64,
    pub(crate) handler: HandlerId,
    pub(crate) scope: Cow<'static, str>,
    pub(crate) object: Option<String>,
    pub(crate) lane: Option<Lane>,
    pub(crate) moment: i64,
    pub(crate) state: State,
    pub(crate) why: Option<ParkReason>,
    pub(crate) attempt: u32,
    /// How many processes ended while it was running, since it last ended a run itself.
    pub(crate) crashes: u32,
    /// Whether a process ended while it was running, and it has neither ended a run nor been cleared since.
    pub(crate) is_suspect: bool,
    /// Whether its run was cleared.
    pub(crate) is_cleared: bool,
    pub(crate) is_replay: bool,
    pub(crate) fence: i64,
    /// The instance that runs it, or ran it last.
    pub(crate) owner: i64,
    pub(crate) due: i64,
    /// When its latest run started.
    pub(crate) started: i64,
    pub(crate) finished: Option<i64>,
    pub(crate) error: Option<String>,
}

impl StoredArrival {
    /// Whether it has come through an endpoint.
    fn came_through(&self, endpoint: &str) -> bool {
        self.row.endpoints.iter().any(|known| known.endpoint == endpoint)
    }
}

#[derive(Clone)]
struct StoredBody {
    found: Quarantined,
    digest: [u8; 32],
}

impl Task {
    fn is_due(&self, now: i64) -> bool {
        self.state == State::Ready && self.due <= now
    }

    fn is_accused(&self) -> bool {
        self.is_suspect && self.crashes >= ACCUSED
    }

    /// Whether it is an open task of a lane.
    fn is_open_in(&self, scope: &str, key: &str) -> bool {
        self.state.is_open() && self.scope == scope && self.lane.as_ref().is_some_and(|lane| lane.key == key)
    }

    /// The order in a lane. Several tasks of one event may share a lane.
    fn turn(&self) -> (i64, i64, i64) {
        (self.moment, self.event, self.id)
    }

    /// The attempt that ended at `now`.
    pub(super) fn attempt_row(&self, outcome: AttemptOutcome, error: Option<String>, now: i64) -> AttemptRow {
        let (task, attempt, started_ms) = (self.id, self.attempt, self.started);
        AttemptRow { task, attempt, started_ms, ended_ms: now, outcome, error }
    }

    fn finished_before(&self, time: i64) -> bool {
        self.finished.is_some_and(|finished| finished < time)
    }

    fn become_ready(&mut self, due: i64) {
        self.state = State::Ready;
        self.due = due;
        self.finished = None;
        self.why = None;
    }

    /// Makes it as if it had never run, except for the fence, so that old tickets stay void.
    fn begin_anew(&mut self, now: i64) {
        self.become_ready(now);
        self.attempt = 0;
        self.crashes = 0;
        self.is_suspect = false;
    }

    /// Closes it. Only a parked task has a reason why.
    fn close(&mut self, state: State, why: Option<ParkReason>, error: Option<String>, now: i64) {
        self.state = state;
        self.why = why;
        self.error = error;
        self.finished = Some(now);
        self.is_suspect = false;
    }
}

impl Data {
    /// The events with an id, oldest first: several if it was also used for other types or objects.
    fn events_named<'d>(&'d self, event_id: &'d str) -> impl Iterator<Item = (i64, &'d EventRow)> {
        let rows = self.events.iter().map(|(seq, event)| (*seq, &event.row));
        rows.filter(move |(_, row)| row.event_id == event_id)
    }

    fn has_body(&self, event: i64) -> bool {
        self.events.get(&event).is_some_and(|event| event.body.is_some())
    }

    fn tasks_of(&self, event: i64) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.event == event)
    }

    fn open_in<'d>(&'d self, scope: &'d str, lane: &'d Lane) -> impl Iterator<Item = &'d Task> {
        self.tasks.values().filter(move |task| task.is_open_in(scope, &lane.key))
    }
}

impl Model {
    /// An empty inbox, for one instance at a time.
    pub(crate) fn new(clock: StoreClock) -> Self {
        Self { clock, lease: None, me: AtomicI64::new(0), data: Arc::default() }
    }

    /// An empty inbox that several instances share, for the first of them.
    pub(crate) fn shared(clock: StoreClock, lease: Duration) -> Self {
        Self { lease: Some(lease), ..Self::new(clock) }
    }

    /// The same inbox for another instance.
    pub(crate) fn another(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            lease: self.lease,
            me: AtomicI64::new(0),
            data: Arc::clone(&self.data),
        }
    }

    /// The inbox as the next process would find it if this one had ended now.
    pub(crate) fn restarted(&self) -> Self {
        let mut data = self.data().clone();
        data.instances.clear();
        Self { data: Arc::new(Mutex::new(data)), ..Self::new(self.clock.clone()) }
    }

    /// All tasks, including what no operator sees.
    pub(crate) fn every_task(&self) -> Vec<Task> {
        self.data().tasks.values().cloned().collect()
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one operation, alone and at one time.
    fn at_once<T: Send + 'static>(&self, operation: impl FnOnce(&mut Data, i64) -> T) -> StoreFuture<'_, T> {
        let mut data = self.data();
        data.me = self.me.load(Ordering::SeqCst);
        let done = operation(&mut data, self.clock.now());
        Box::pin(std::future::ready(Ok(done)))
    }
}

impl Store for Model {
    fn recover(&self, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered> {
        self.at_once(|data, now| {
            let until = self.lease.map(|lease| now + millis(lease));
            self.me.store(data.join(handlers, until), Ordering::SeqCst);
            data.take_over(now)
        })
    }

    fn lease(&self) -> Option<Lease> {
        let of = |lease: Duration| Lease { renew_every: lease / 4, give_up_after: lease * 2 / 3 };
        self.lease.map(of)
    }

    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat> {
        self.at_once(|data, now| data.heartbeat(self.lease.map(|lease| now + millis(lease)), now))
    }

    fn leave(&self) -> StoreFuture<'_, ()> {
        self.at_once(|data, now| data.leave(now))
    }

    fn note_secrets(&self, configured: Vec<CameBy>) -> StoreFuture<'_, ()> {
        self.at_once(|data, now| {
            for secret in &configured {
                let configured = &mut data.secret(secret, now).configured;
                *configured = now.max(*configured);
            }
        })
    }

    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        if let Err(refused) = keepable(&arrival) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        self.at_once(|data, now| data.record(arrival, now))
    }

    fn quarantine(&self, body: Bytes, reason: String, came_by: CameBy) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.quarantine(&body, reason, &came_by, now))
    }

    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        self.at_once(|data, now| data.claim(&capacity, now))
    }

    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        self.at_once(|data, now| data.finish(ticket, end, now))
    }

    fn clear_suspect(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        self.at_once(|data, _| data.clear_suspect(ticket))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        self.at_once(|data, now| data.prune(keep, cursor, now))
    }

    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        self.at_once(|data, _| data.task_rows(&filter))
    }

    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        self.at_once(|data, _| data.event_rows(&filter))
    }

    fn events_with_id(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        self.at_once(|data, _| data.events_with_id(&id))
    }

    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        self.at_once(|data, _| data.quarantined(limit))
    }

    fn quarantined_with_id(&self, id: i64) -> StoreFuture<'_, Option<Quarantined>> {
        self.at_once(|data, _| data.quarantine.get(&id).map(|kept| kept.found.clone()))
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        self.at_once(|data, now| data.stats(now))
    }

    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        self.at_once(|data, now| data.stats(now).into())
    }

    fn retry(&self, task: i64, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.retry(task, &handlers, now))
    }

    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.skip(task, reason, now))
    }

    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        self.at_once(|data, now| data.replay(event, tasks, now))
    }
}
