//! What every store must do: [`scenarios`] that read as the protocol, [`random_walks`] beside the model, [`crashes`] that
//! must be told apart from bad luck, and several [`instances`] that share an inbox.

mod crashes;
mod instances;
pub(crate) mod model;
mod random_walks;
mod scenarios;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use webhook_core::{Envelope, Timestamp};

use self::model::{Model, Task};
use super::clock::{ManualClock, StoreClock};
#[cfg(feature = "postgres")]
use super::postgres::{Postgres, cluster, testing::Inbox};
use super::sqlite::{Sqlite, in_memory, on_disk};
use super::{
    ACCUSED, ATTEMPTS_KEPT, AttemptOutcome, AttemptRow, Backlog, Body, CameBy, Capacity, Claim, Disposition,
    EndpointRow, EventRow, Filter, HandlerId, HandlerStats, Heartbeat, Lane, MAX_CRASHES, NewEvent, NewTask,
    ParkReason, Pruned, QuarantineRow, Quarantined, RecordResult, Recovered, Replayed, Retention,
    SECRET_KEPT, SecretName, SecretRow, StartMode, State, Stats, Store, StoreError, StoreFuture, StoredEvent,
    TaskRow, Ticket, moment,
};

/// When every test starts, in milliseconds since the Unix epoch.
const START: i64 = 1_700_000_000_000;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const KEEP: Retention =
    Retention { bodies: DAY.saturating_mul(7), ids: DAY.saturating_mul(35), parked: DAY.saturating_mul(90) };

/// A kind of store, for one instance, with a clock of its own that starts at [`START`] and stands still.
trait Subject {
    fn new() -> Self;
    fn store(&self) -> &dyn Store;
    /// Moves the store's clock forward.
    fn advance(&self, by: Duration);
    /// Starts the store again as if its process had ended. The test calls `recover`.
    fn restart(&mut self);
}

struct InModel {
    clock: ManualClock,
    store: Model,
}

impl Subject for InModel {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        Self { store: Model::new(StoreClock::manual(&clock)), clock }
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn restart(&mut self) {
        self.store = self.store.restarted();
    }
}

struct InMemory {
    clock: ManualClock,
    store: Option<Sqlite<in_memory::InMemory>>,
}

impl Subject for InMemory {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let store = Sqlite::<in_memory::InMemory>::in_memory(Some(StoreClock::manual(&clock)));
        Self { clock, store: Some(store.unwrap()) }
    }

    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn restart(&mut self) {
        self.store = self.store.take().map(|store| store.restarted(StoreClock::manual(&self.clock)));
    }
}

struct OnDisk {
    clock: ManualClock,
    path: PathBuf,
    store: Option<Sqlite<on_disk::OnDisk>>,
    // Dropped after the store, which has its files in it.
    _directory: tempfile::TempDir,
}

impl OnDisk {
    fn open(&mut self) {
        self.store =
            Some(Sqlite::open_with(&self.path, &opening(), Some(StoreClock::manual(&self.clock))).unwrap());
    }
}

impl Subject for OnDisk {
    fn new() -> Self {
        // What is tested here does not depend on the disk, and thousands of syncs take their time.
        let in_model = tempfile::tempdir_in("/dev/shm");
        let directory = in_model.or_else(|_| tempfile::tempdir()).unwrap();
        let path = directory.path().join("inbox.db");
        let clock = ManualClock::new(START);
        let mut subject = Self { clock, path, store: None, _directory: directory };
        subject.open();
        subject
    }

    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn restart(&mut self) {
        // The file cannot be opened while another store has it.
        self.store = None;
        self.open();
    }
}

#[cfg(feature = "postgres")]
struct InPostgres {
    clock: ManualClock,
    inbox: Inbox,
    store: Postgres,
}

#[cfg(feature = "postgres")]
fn inbox_in_postgres(clock: &ManualClock) -> Inbox {
    Inbox::new(&cluster::new_schema(), StoreClock::manual(clock))
}

#[cfg(feature = "postgres")]
impl Subject for InPostgres {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let inbox = inbox_in_postgres(&clock);
        let store = inbox.instance(10_000 * DAY);
        Self { clock, inbox, store }
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn restart(&mut self) {
        self.inbox.end_all();
        self.store = self.inbox.instance(10_000 * DAY);
    }
}

/// A store and its time.
struct World<S> {
    subject: S,
    /// In milliseconds since the Unix epoch.
    now: Cell<i64>,
    runtime: Runtime,
}

impl<S: Subject> World<S> {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = Self { subject: S::new(), now: Cell::new(START), runtime };
        world.done(|store| store.recover(shared(&[])));
        world
    }

    fn done<'s, T>(&'s self, operation: impl FnOnce(&'s dyn Store) -> StoreFuture<'s, T>) -> T {
        self.runtime.block_on(async { operation(self.subject.store()).await }).unwrap()
    }

    fn later(&self, by: Duration) {
        self.subject.advance(by);
        self.now.set(self.now.get() + by.as_millis() as i64);
    }

    fn now(&self) -> i64 {
        self.now.get()
    }

    fn restart(&mut self, handlers: &[HandlerId]) -> Recovered {
        self.subject.restart();
        self.done(|store| store.recover(shared(handlers)))
    }

    /// Records an event without an object. Returns what was started.
    fn record(&self, event_id: &str, tasks: &[NewTask]) -> Vec<Claim> {
        self.arrive(arrival(event_id, tasks))
    }

    fn arrive(&self, arrival: NewEvent) -> Vec<Claim> {
        match self.done(|store| store.record(arrival)) {
            RecordResult::New { started, .. } => started,
            known @ RecordResult::Duplicate { .. } => panic!("{known:?}"),
        }
    }

    /// Sends an event again. Returns whether its body was the same.
    fn again(&self, arrival: NewEvent) -> bool {
        match self.done(|store| store.record(arrival)) {
            RecordResult::Duplicate { same_body, started, added: 0 } => {
                assert!(started.is_empty(), "{started:?}");
                same_body
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends an event again, through an endpoint that adds tasks to it. Returns what was started, and how many were added.
    fn joins(&self, arrival: NewEvent) -> (Vec<Claim>, usize) {
        match self.done(|store| store.record(arrival)) {
            RecordResult::Duplicate { started, added, .. } => (started, added),
            new @ RecordResult::New { .. } => panic!("{new:?}"),
        }
    }

    /// Claims up to `limit` tasks of any handlers.
    fn claim(&self, limit: usize) -> Vec<Claim> {
        let handlers = self.tasks().into_iter().map(|row| (&*row.handler.leak(), limit)).collect();
        self.done(|store| store.claim(Capacity { slots: limit, handlers })).claims
    }

    /// Claims up to `slots` tasks, and up to a number for each handler. Returns which.
    fn claim_ids_of(&self, slots: usize, handlers: &[(HandlerId, usize)]) -> Vec<i64> {
        let claimed = self.done(|store| store.claim(capacity(slots, handlers)));
        claimed.claims.iter().map(|claim| claim.ticket.task).collect()
    }

    /// Claims up to `limit` tasks of any handlers. Returns which.
    fn claim_ids(&self, limit: usize) -> Vec<i64> {
        self.claim(limit).iter().map(|claim| claim.ticket.task).collect()
    }

    /// Claims the only task that may run.
    fn claim_one(&self) -> Claim {
        let claims = self.claim(10);
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.into_iter().next().unwrap()
    }

    /// Claims the first task of a handler.
    fn claim_one_of(&self, handler: HandlerId) -> Claim {
        let claimed = self.done(|store| store.claim(capacity(1, &[(handler, 1)])));
        claimed.claims.into_iter().next().unwrap()
    }

    fn next_due(&self) -> Option<Duration> {
        self.done(|store| store.claim(capacity(0, &[]))).next_claim
    }

    fn finish(&self, claim: &Claim, end: Disposition) -> bool {
        self.done(|store| store.finish(claim.ticket, end)).was_ours
    }

    fn finish_each(&self, claims: &[Claim], end: &Disposition) {
        for claim in claims {
            assert!(self.finish(claim, end.clone()));
        }
    }

    /// All tasks, oldest first.
    fn tasks(&self) -> Vec<TaskRow> {
        let mut tasks = self.done(|store| store.tasks(everything()));
        tasks.reverse();
        tasks
    }

    fn task(&self, id: i64) -> TaskRow {
        self.tasks().into_iter().find(|row| row.task == id).unwrap()
    }

    fn states(&self) -> Vec<State> {
        self.tasks().iter().map(|row| row.state).collect()
    }

    fn event(&self, event_id: &str) -> Option<EventRow> {
        self.stored(event_id).map(|stored| stored.event)
    }

    /// The event with an id that was used only once.
    fn stored(&self, event_id: &str) -> Option<StoredEvent> {
        let mut found = self.done(|store| store.events_with_id(event_id.to_owned()));
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    }

    /// The unsuccessful attempts of a task: their numbers and how they ended.
    fn attempts(&self, event_id: &str, task: i64) -> Vec<(u32, AttemptOutcome)> {
        let attempts = self.stored(event_id).unwrap().attempts.into_iter();
        attempts.filter(|row| row.task == task).map(|row| (row.attempt, row.outcome)).collect()
    }

    /// The inbox in numbers. What is open or parked is counted twice, by two statements.
    fn stats(&self) -> Stats {
        let stats = self.done(|store| store.stats());
        assert_eq!(self.done(|store| store.backlog()), Backlog::from(stats.clone()));
        stats
    }

    fn prune(&self) -> Pruned {
        self.done(|store| store.prune(KEEP, 0))
    }

    fn replay(&self, event_id: &str, tasks: &[NewTask]) -> Replayed {
        let event = self.event(event_id).map_or(99, |event| event.cursor);
        self.done(|store| store.replay(event, tasks.to_vec()))
    }

    /// Retries a task of any handler.
    fn retry(&self, task: i64) -> bool {
        let handlers = self.tasks().into_iter().map(|row| &*row.handler.leak()).collect();
        self.done(|store| store.retry(task, handlers))
    }

    fn retry_of(&self, task: i64, handlers: &[HandlerId]) -> bool {
        self.done(|store| store.retry(task, shared(handlers)))
    }

    fn skip(&self, task: i64) -> bool {
        self.done(|store| store.skip(task, "not wanted".to_owned()))
    }
}

fn shared(handlers: &[HandlerId]) -> Arc<[HandlerId]> {
    handlers.into()
}

pub(super) fn capacity(slots: usize, handlers: &[(HandlerId, usize)]) -> Capacity {
    Capacity { slots, handlers: handlers.iter().copied().collect() }
}

fn everything() -> Filter {
    Filter { limit: 10_000, ..Filter::default() }
}

pub(crate) fn arrival(event_id: &str, tasks: &[NewTask]) -> NewEvent {
    let body = r#"{"id":"evt_1","object":"event","type":"charge.succeeded","livemode":false,
        "api_version":"2025-01-27.acacia","data":{"object":{}}}"#;
    let event = NewEvent {
        envelope: Arc::new(Envelope::parse_stored(&Bytes::from_static(body.as_bytes())).unwrap()),
        came_by: came_by("/stripe", "new"),
        object_id: None,
        signed_at: START / 1000,
        tasks: tasks.to_vec(),
    };
    changed(event, |envelope| {
        envelope.id = event_id.to_owned();
        envelope.body = Bytes::from(format!(r#"{{"id":"{event_id}"}}"#));
    })
}

pub(crate) fn came_by(endpoint: &str, label: &str) -> CameBy {
    came_by_another(endpoint, label, "47f0b1f8")
}

/// By a secret that has the label of another one.
fn came_by_another(endpoint: &str, label: &str, fingerprint: &str) -> CameBy {
    let secret = SecretName { label: label.into(), fingerprint: fingerprint.into() };
    CameBy { endpoint: endpoint.into(), secret }
}

/// The event as it comes through another endpoint.
pub(super) fn through(endpoint: &str, event: NewEvent) -> NewEvent {
    NewEvent { came_by: came_by(endpoint, "new"), ..event }
}

/// A task of a handler of one endpoint.
pub(super) fn of_endpoint(task: NewTask) -> NewTask {
    NewTask { is_of_endpoint: true, ..task }
}

/// The event with another envelope.
pub(crate) fn changed(mut event: NewEvent, change: impl FnOnce(&mut Envelope)) -> NewEvent {
    change(Arc::make_mut(&mut event.envelope));
    event
}

fn created(event_id: &str, created: i64, tasks: &[NewTask]) -> NewEvent {
    about("ch_1", "charge.succeeded", event_id, Some(created), tasks)
}

/// An event about an object, which its tasks know as well.
fn about(
    object_id: &str,
    event_type: &str,
    event_id: &str,
    created: Option<i64>,
    tasks: &[NewTask],
) -> NewEvent {
    let moment = moment(event_type, created);
    let of_event = |task: &NewTask| NewTask { object: Some(format!("|{object_id}")), moment, ..task.clone() };
    let event = arrival(event_id, &tasks.iter().map(of_event).collect::<Vec<_>>());
    changed(NewEvent { object_id: Some(object_id.to_owned()), ..event }, |envelope| {
        envelope.event_type = event_type.to_owned();
        envelope.created = created.map(Timestamp::from_unix_seconds);
    })
}

pub(crate) fn free(handler: HandlerId) -> NewTask {
    NewTask {
        handler,
        scope: handler.into(),
        object: None,
        moment: 0,
        lane: None,
        at_once: StartMode::No,
        is_of_endpoint: false,
        occurrence: None,
    }
}

/// A task of a handler that shares its lanes with others.
fn grouped(handler: HandlerId) -> NewTask {
    NewTask { scope: "*group".into(), ..serial(handler) }
}

fn awaited(handler: HandlerId) -> NewTask {
    NewTask { at_once: StartMode::Awaited, ..free(handler) }
}

pub(crate) fn in_lane(handler: HandlerId, key: &str, strict: bool) -> NewTask {
    NewTask { lane: Some(Lane { key: key.to_owned(), strict }), ..free(handler) }
}

pub(crate) fn serial(handler: HandlerId) -> NewTask {
    in_lane(handler, "ch_1", false)
}

fn strict(handler: HandlerId) -> NewTask {
    in_lane(handler, "ch_1", true)
}

pub(super) fn at_once(task: NewTask) -> NewTask {
    NewTask { at_once: StartMode::IfFree, ..task }
}

fn again_after(after: Duration) -> Disposition {
    Disposition::Retry { after, error: "failed".to_owned() }
}

fn parked() -> Disposition {
    Disposition::Parked { why: ParkReason::Exhausted, error: "failed for good".to_owned() }
}

fn skipped() -> Disposition {
    Disposition::Skipped { error: "not wanted".to_owned() }
}

/// Opens at once or not at all, whatever space is free.
pub(super) fn opening() -> super::Opening {
    super::Opening::default()
}

/// What is open, parked or in quarantine, of what is counted.
impl From<Stats> for Backlog {
    fn from(stats: Stats) -> Self {
        let Stats { quarantined, oldest_due_ms, mut handlers, secrets, .. } = stats;
        handlers.retain(|row| row.state.is_open() || row.state == State::Parked);
        Self { quarantined, oldest_due_ms, handlers, secrets }
    }
}
