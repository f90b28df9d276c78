//! The worker beside what arrives, in a time that is made: bursts of events, and a store that takes a while to sync.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use webhook_core::{
    Envelope, HandlerError, HandlerFuture, Invocation, Order, OrderMode, Policy, Registration, Registry,
    States, Subscription,
};

use super::*;
use crate::receive::new_event::{new_event, new_task};
use crate::receive::record::{Arrival, Recorder};
use crate::run::attempt::Runner;
use crate::run::hand_over::HandlerRuntime;
use crate::run::test_handlers::registration;
use crate::settings::UnknownVersion;
use crate::store::clock::StoreClock;
use crate::store::conformance::model::Model;
use crate::store::*;

/// A store that answers some time after it has done what it was asked, as if it had to sync.
#[derive(Debug)]
struct Syncing {
    model: Model,
    /// How many milliseconds an operation takes, by its name and its number.
    takes: fn(&str, u64) -> u64,
    count: AtomicU64,
    /// Whether the next call of `clear_suspect` fails.
    fails: AtomicBool,
}

impl Syncing {
    fn later<'s, T: Send + 's>(&'s self, operation: &str, done: StoreFuture<'s, T>) -> StoreFuture<'s, T> {
        let takes = (self.takes)(operation, self.count.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(takes)).await;
            done.await
        })
    }
}

impl Store for Syncing {
    fn recover(&self, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, Recovered> {
        self.later("recover", self.model.recover(handlers))
    }
    fn lease(&self) -> Option<Lease> {
        self.model.lease()
    }
    fn heartbeat(&self) -> StoreFuture<'_, Heartbeat> {
        self.later("heartbeat", self.model.heartbeat())
    }
    fn leave(&self) -> StoreFuture<'_, ()> {
        self.later("leave", self.model.leave())
    }
    fn note_secrets(&self, configured: Vec<CameBy>) -> StoreFuture<'_, ()> {
        self.later("note_secrets", self.model.note_secrets(configured))
    }
    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        self.later("record", self.model.record(arrival))
    }
    fn quarantine(&self, body: Bytes, reason: String, came_by: CameBy) -> StoreFuture<'_, bool> {
        self.later("quarantine", self.model.quarantine(body, reason, came_by))
    }
    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        self.later("claim", self.model.claim(capacity))
    }
    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        self.later("finish", self.model.finish(ticket, end))
    }
    fn clear_suspect(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        if self.fails.swap(false, Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError::DiskFull)));
        }
        self.later("clear_suspect", self.model.clear_suspect(ticket))
    }
    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        self.later("prune", self.model.prune(keep, cursor))
    }
    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        self.model.tasks(filter)
    }
    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        self.model.events(filter)
    }
    fn events_with_id(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        self.model.events_with_id(id)
    }
    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        self.model.quarantined(limit)
    }
    fn quarantined_with_id(&self, id: i64) -> StoreFuture<'_, Option<Quarantined>> {
        self.model.quarantined_with_id(id)
    }
    fn stats(&self) -> StoreFuture<'_, Stats> {
        self.model.stats()
    }
    fn backlog(&self) -> StoreFuture<'_, Backlog> {
        self.model.backlog()
    }
    fn retry(&self, task: i64, handlers: Arc<[HandlerId]>) -> StoreFuture<'_, bool> {
        self.later("retry", self.model.retry(task, handlers))
    }
    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        self.later("skip", self.model.skip(task, reason))
    }
    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        self.later("replay", self.model.replay(event, tasks))
    }
}

/// How long the retry of one that fails at first waits.
const AGAIN: Duration = Duration::from_secs(2);

/// The runs of one handler that are made at this moment, and the most that there were.
#[derive(Default)]
struct Runs {
    now: Cell<usize>,
    most: Cell<usize>,
}

impl Runs {
    fn begin(&self) {
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
    }
}

thread_local! {
    // A handler has nothing else by which to tell a test of itself; every test has a thread of its own.
    static A: Runs = Runs::default();
    static B: Runs = Runs::default();
    static BOTH: Runs = Runs::default();
    /// The numbers of the events, in the order in which their runs began.
    static BEGUN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What a handler does stands in the event's id: for how long, and whether it fails at first.
fn run(runs: &'static std::thread::LocalKey<Runs>, invocation: Invocation) -> HandlerFuture {
    Box::pin(async move {
        let mut told = invocation.envelope.id.split('_').skip(1);
        let number = told.next().and_then(|number| number.parse().ok()).expect("it has a number");
        BEGUN.with(|begun| begun.borrow_mut().push(number));
        let takes = told.next().and_then(|takes| takes.parse().ok()).expect("it says how long");
        let fails = told.next() == Some("fails") && invocation.context.attempt() == 1;
        for runs in [runs, &BOTH] {
            runs.with(Runs::begin);
        }
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
        for runs in [runs, &BOTH] {
            runs.with(|runs| runs.now.set(runs.now.get() - 1));
        }
        if fails { Err(HandlerError::retry_after(AGAIN, "at first")) } else { Ok(None) }
    })
}

static HANDLERS: [Registration; 2] = [
    handler("a", &["payout.paid"], |invocation| run(&A, invocation)),
    handler("b", &["invoice.paid"], |invocation| run(&B, invocation)),
];

const fn handler(
    id: &'static str,
    types: &'static [&'static str],
    run: fn(Invocation) -> HandlerFuture,
) -> Registration {
    let policy = Policy { order: Order { mode: OrderMode::Unordered, ..Order::DEFAULT }, ..Policy::DEFAULT };
    registration(id, Subscription::Types(types), policy, run)
}

/// An empty inbox that one instance has joined.
fn model() -> Model {
    let model = Model::new(StoreClock::of_tokio());
    // It is done when it is asked.
    drop(model.recover(["a", "b"].into()));
    model
}

/// An inbox at work.
fn working(concurrency: u32, takes: fn(&str, u64) -> u64) -> Arc<Recorder> {
    let model = model();
    let fails = AtomicBool::new(false);
    working_with(Syncing { model, takes, count: AtomicU64::new(0), fails }, &HANDLERS, concurrency)
}

/// An inbox at work on what a store holds.
fn working_with(store: impl Store, handlers: &'static [Registration], concurrency: u32) -> Arc<Recorder> {
    let states = Arc::new(States::default());
    let runner = Runner {
        states,
        timeout: Duration::from_secs(600),
        unknown_version: UnknownVersion::Warn,
        reader: None,
        runtime: HandlerRuntime::default(),
    };
    let registry = Arc::new(Registry::new(handlers));
    let worker = Worker::new(Arc::new(store), registry, runner, Report::nowhere(), concurrency);
    let worker = Arc::new(worker);
    tokio::spawn(Arc::clone(&worker).work());
    Arc::new(Recorder::new(worker))
}

/// Sends an event, and does not wait until it is stored.
fn send(inbox: &Arc<Recorder>, number: usize, event_type: &str, takes: u64, fails: bool) {
    let (inbox, event) = (Arc::clone(inbox), event(number, event_type, takes, fails));
    tokio::spawn(async move { record(&inbox, event).await });
}

fn came_by() -> CameBy {
    conformance::came_by("/", "test")
}

async fn record(inbox: &Arc<Recorder>, envelope: Envelope) {
    let (envelope, received_at) = (Arc::new(envelope), Instant::now());
    let arrival = Arrival { envelope, came_by: came_by(), signed_at: 0, received_at };
    inbox.record(arrival).await.expect("it is in memory");
}

fn event(number: usize, event_type: &str, takes: u64, fails: bool) -> Envelope {
    let how = if fails { "fails" } else { "succeeds" };
    let id = format!("evt_{number}_{takes}_{how}");
    let body = format!(
        r#"{{"id":"{id}","object":"event","type":"{event_type}","livemode":false,"data":{{"object":{{}}}}}}"#
    );
    Envelope::parse_stored(&Bytes::from(body)).expect("it is an event")
}

async fn count(inbox: &Recorder, state: State) -> usize {
    let filter = Filter { state: Some(state), limit: 10_000, ..Filter::default() };
    inbox.worker.store.tasks(filter).await.expect("it is in memory").len()
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_due_while_a_run_is_being_ended_is_not_forgotten() {
    let inbox = working(2, |operation, _| if operation == "finish" { 400 } else { 0 });
    // It is due again at two seconds.
    send(&inbox, 0, "payout.paid", 0, true);
    pass(500).await;
    // It has the only slot of the handler. Its end is stored before that, and confirmed after it.
    send(&inbox, 1, "payout.paid", 1_300, false);
    pass(2_500).await;
    assert_eq!(count(&inbox, State::Done).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_due_while_there_is_no_place_is_not_forgotten() {
    let inbox = working(2, |_, _| 0);
    // Due again after 2.2 s. So slow a handler has no more places than slots: one.
    send(&inbox, 0, "payout.paid", 200, true);
    pass(1_500).await;
    // It is taken until three seconds have passed.
    send(&inbox, 1, "payout.paid", 1_500, false);
    pass(2_000).await;
    assert_eq!(count(&inbox, State::Done).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_the_worker_holds_the_slots_is_not_forgotten() {
    let inbox = working(2, |operation, _| if operation == "claim" { 100 } else { 0 });
    // The claim has found nothing, and is not yet answered.
    pass(50).await;
    send(&inbox, 0, "payout.paid", 0, false);
    pass(500).await;
    assert_eq!(count(&inbox, State::Done).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_due_while_a_duplicate_has_the_slot_is_not_forgotten() {
    let inbox = working(2, |operation, _| if operation == "record" { 100 } else { 0 });
    // Stored at once, run at 100 ms, and due again two seconds later.
    send(&inbox, 0, "payout.paid", 0, true);
    pass(2_050).await;
    send(&inbox, 0, "payout.paid", 0, true);
    pass(500).await;
    assert_eq!(count(&inbox, State::Done).await, 1);
}

/// Sends events over several connections. Each sends its next event when the one before is answered.
async fn load(inbox: &Arc<Recorder>, connections: usize, events: usize) {
    let sending = (0..connections).map(|first| {
        let inbox = Arc::clone(inbox);
        tokio::spawn(async move {
            for number in (first..events).step_by(connections) {
                record(&inbox, event(number, "payout.paid", 0, false)).await;
            }
        })
    });
    for sent in sending.collect::<Vec<_>>() {
        sent.await.expect("no panic");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_is_handled_as_fast() {
    // Every write takes as long as a commit, in which all connections have their next event stored.
    let inbox = working(32, |_, _| 5);
    for connections in [1, 64, 256] {
        load(&inbox, connections, 12 * connections).await;
        // Two commits: one for what was stored last, and one for the ends.
        pass(15).await;
        let open = count(&inbox, State::Ready).await + count(&inbox, State::Running).await;
        assert_eq!(open, 0, "{connections} connections");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_the_longest_is_handled_first() {
    BEGUN.with(|begun| begun.borrow_mut().clear());
    let inbox = working(2, |_, _| 5);
    // More arrives than can be handled.
    for number in 0..400 {
        send(&inbox, number, "payout.paid", 5, false);
        pass(1).await;
    }
    pass(5_000).await;
    let begun = BEGUN.with(|begun| begun.borrow().clone());
    assert_eq!(begun.len(), 400);
    for (at, number) in begun.iter().enumerate() {
        assert!(number.abs_diff(at) < 60, "the event {number} was the run {at}: {begun:?}");
    }
}

#[derive(Clone, Debug)]
struct Step {
    gap: u64,
    event_type: &'static str,
    takes: u64,
    fails: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let of_a = proptest::bool::weighted(0.7);
    let fails = proptest::bool::weighted(0.2);
    (0..30_u64, of_a, 0..120_u64, fails).prop_map(|(gap, of_a, takes, fails)| {
        let event_type = if of_a { "payout.paid" } else { "invoice.paid" };
        Step { gap: gap.saturating_sub(15), event_type, takes, fails }
    })
}

async fn burst(concurrency: u32, steps: &[Step]) {
    // Not regular, and the same each time.
    let inbox = working(concurrency, |_, number| (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 20);
    for (number, step) in steps.iter().enumerate() {
        pass(step.gap).await;
        send(&inbox, number, step.event_type, step.takes, step.fails);
    }
    // Long enough for one after the other, and not so long that whatever was forgotten is found.
    pass(steps.iter().map(|step| step.takes * 2 + 100).sum::<u64>().min(20_000) + 4_000).await;
    assert_eq!(count(&inbox, State::Done).await, steps.len(), "something was forgotten");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_burst_is_handled_within_the_slots_and_soon(steps in vec(step(), 1..80), concurrency in 2..9_u32) {
        for runs in [&A, &B, &BOTH] {
            runs.with(|runs| runs.most.set(0));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("it can be made").block_on(burst(concurrency, &steps));
        let [a, b, both] = [&A, &B, &BOTH].map(|runs| runs.with(|runs| runs.most.get()));
        let (concurrency, share) = (concurrency as usize, (concurrency as usize * 3 / 4).max(1));
        assert!(a <= share && b <= share && both <= concurrency, "{a} {b} {both} of {share} {concurrency}");
    }
}

async fn put(model: &Model, number: usize, event_type: &str, takes: u64) {
    let envelope = event(number, event_type, takes, false);
    let handler =
        HANDLERS.iter().find(|known| matches!(known.takes, Subscription::Types([it]) if *it == event_type));
    let object = envelope.object_id();
    let task = new_task(handler.expect("it is in memory"), &envelope, object.as_deref());
    model
        .record(new_event(&Arc::new(envelope), object, came_by(), 0, vec![task]))
        .await
        .expect("it is in memory");
}

async fn claim_all(model: &Model) -> Vec<Claim> {
    let handlers = [("a", 100), ("b", 100)].into();
    model.claim(Capacity { slots: 100, handlers }).await.expect("it is in memory").claims
}

async fn crashed(model: Model) -> Model {
    let model = model.restarted();
    model.recover(["a", "b"].into()).await.expect("it is in memory");
    model
}

/// A claim that is on its way when the server stops: `drain` says that nothing is left.
#[tokio::test(start_paused = true)]
async fn a_claim_under_way_is_in_hand_when_the_server_stops() {
    BEGUN.with(|begun| begun.borrow_mut().clear());
    let inbox = working(2, |operation, _| if operation == "claim" { 100 } else { 0 });
    pass(150).await;
    // Fails at once; due again two seconds later.
    send(&inbox, 0, "payout.paid", 5_000, true);
    pass(5_000 + 2_150).await;
    let settled = inbox.worker.drain(Duration::from_secs(10)).await;
    let running = count(&inbox, State::Running).await;
    let begun = BEGUN.with(|begun| begun.borrow().len());
    pass(200).await;
    let after = BEGUN.with(|begun| begun.borrow().len());
    assert!(
        !settled || running == 0 && after == begun,
        "nothing is left, it says; {running} runs by the store, and {} begun after that",
        after - begun
    );
}

/// A suspect that waits for a slot of its handler holds up the suspects of others.
#[tokio::test(start_paused = true)]
async fn a_suspect_without_a_slot_holds_up_other_suspects_for_30_s_at_most() {
    let model = model();
    for number in 1..=3 {
        put(&model, number, "payout.paid", 1).await;
    }
    put(&model, 5, "invoice.paid", 1).await;
    assert_eq!(claim_all(&model).await.len(), 4);
    put(&model, 4, "payout.paid", 500_000).await;
    let inbox = working_with(crashed(model).await, &HANDLERS, 2);
    pass(200_000).await;
    let rows =
        inbox.worker.store.tasks(Filter { limit: 10, ..Filter::default() }).await.expect("it is in memory");
    let rows: Vec<_> = rows.iter().map(|row| (row.event_id.clone(), row.state)).collect();
    assert!(rows.iter().any(|(id, state)| id.starts_with("evt_5_") && *state == State::Done), "{rows:?}");
}

/// An accused task that waits for a slot of its handler holds up everything.
#[tokio::test(start_paused = true)]
async fn an_accused_task_without_a_slot_holds_up_what_is_due_for_30_s_at_most() {
    let mut model = model();
    for (number, takes) in [(1, 1), (2, 500_000), (3, 1)] {
        put(&model, number, "payout.paid", takes).await;
    }
    assert_eq!(claim_all(&model).await.len(), 3);
    model = crashed(model).await;
    // Runs that take longer than 30 s are cleared, and the next suspect begins; then the process is killed.
    for last in 1..=3 {
        for task in 1..=last {
            let claims = claim_all(&model).await;
            assert_eq!(claims.iter().map(|claim| claim.ticket.task).collect::<Vec<_>>(), [task]);
            if task < last {
                model.clear_suspect(claims[0].ticket).await.expect("it is in memory");
            }
        }
        model = crashed(model).await;
    }
    put(&model, 4, "invoice.paid", 1).await;
    let inbox = working_with(model, &HANDLERS, 2);
    pass(200_000).await;
    // What arrives meanwhile waits as well.
    send(&inbox, 5, "invoice.paid", 1, false);
    pass(100_000).await;
    let rows =
        inbox.worker.store.tasks(Filter { limit: 10, ..Filter::default() }).await.expect("it is in memory");
    let rows: Vec<_> = rows.iter().map(|row| (row.event_id.clone(), row.state)).collect();
    for id in ["evt_4_", "evt_5_"] {
        assert!(rows.iter().any(|(it, state)| it.starts_with(id) && *state == State::Done), "{rows:?}");
    }
}

/// Many handlers share the slots, and each claims ahead as if it had three quarters of them for itself.
#[tokio::test(start_paused = true)]
async fn no_more_is_claimed_ahead_than_can_begin_soon() {
    const CONCURRENCY: u32 = 8;
    const TYPES: [&str; 20] = [
        "t.0", "t.1", "t.2", "t.3", "t.4", "t.5", "t.6", "t.7", "t.8", "t.9", "t.10", "t.11", "t.12", "t.13",
        "t.14", "t.15", "t.16", "t.17", "t.18", "t.19",
    ];
    let handlers: &'static [Registration] = Box::leak(
        TYPES.iter().map(|name| handler(name, std::slice::from_ref(name), |it| run(&A, it))).collect(),
    );
    let model = model();
    let mut number = 0;
    let mut all = Vec::new();
    for at in 0..110 {
        for handler in handlers {
            number += 1;
            let envelope = event(number, handler.id, if at == 0 { 1 } else { 5 }, false);
            let object = envelope.object_id();
            let task = new_task(handler, &envelope, object.as_deref());
            all.push(model.record(new_event(&Arc::new(envelope), object, came_by(), 0, vec![task])));
        }
    }
    for stored in all {
        stored.await.expect("it is in memory");
    }
    let inbox = working_with(model, handlers, CONCURRENCY);
    let mut most = 0;
    for _ in 0..20 {
        pass(5).await;
        most = most.max(count(&inbox, State::Running).await);
    }
    // So many runs can begin within 100 ms, as short as the first ones are.
    assert!(most <= 8 * (1 + 32), "{most} tasks are claimed for {CONCURRENCY} slots");
}

/// The store fails once, at the wrong moment: when a run is cleared.
#[tokio::test(start_paused = true)]
async fn clearing_a_suspect_is_tried_again() {
    let mut model = model();
    put(&model, 1, "payout.paid", 500_000).await;
    for _ in 1..=2 {
        assert_eq!(claim_all(&model).await.len(), 1);
        model = crashed(model).await;
    }
    put(&model, 2, "invoice.paid", 1).await;
    let store = Syncing { model, takes: |_, _| 0, count: AtomicU64::new(0), fails: AtomicBool::new(true) };
    let inbox = working_with(store, &HANDLERS, 8);
    pass(120_000).await;
    assert_eq!(count(&inbox, State::Done).await, 1, "nothing runs, two minutes later");
}

/// The time in which a lease ends.
const LEASE: Duration = Duration::from_secs(60);

thread_local! {
    /// Whether heartbeats get no answer.
    static CUT_OFF: Cell<bool> = const { Cell::new(false) };
}

/// An instance is cut off from its store. Before another takes its tasks over, it has cancelled its runs; when the store
/// hears from it again, it joins again and works.
#[tokio::test(start_paused = true)]
async fn an_instance_that_is_cut_off_gives_up_before_another_takes_over() {
    let first = Model::shared(StoreClock::of_tokio(), LEASE);
    let second = first.another();
    let handlers = || ["a", "b"].into();
    first.recover(handlers()).await.expect("it is in memory");
    let takes = |operation: &str, _| if operation == "heartbeat" && CUT_OFF.get() { 1_000_000 } else { 0 };
    let store = Syncing { model: first, takes, count: AtomicU64::new(0), fails: AtomicBool::new(false) };
    let inbox = working_with(store, &HANDLERS, 8);
    tokio::spawn(Arc::clone(&inbox.worker).keep_lease());
    let states = || async {
        let rows = inbox.worker.store.tasks(Filter { limit: 10, ..Filter::default() }).await;
        rows.expect("it is in memory").iter().rev().map(|row| row.state).collect::<Vec<_>>()
    };
    pass(100_000).await;
    send(&inbox, 1, "payout.paid", 300_000, false);
    pass(1_000).await;
    assert_eq!(states().await, [State::Running], "it has renewed its lease");
    CUT_OFF.set(true);
    pass(LEASE.as_millis() as u64 - 10_000).await;
    assert_eq!(states().await, [State::Ready], "it has given up");
    send(&inbox, 2, "payout.paid", 1, false);
    pass(20_000).await;
    assert_eq!(states().await, [State::Ready, State::Ready], "what arrives is recorded, and not started");
    second.recover(handlers()).await.expect("it is in memory");
    let claims = claim_all(&second).await;
    assert_eq!(claims.len(), 2, "the other instance takes over");
    second.leave().await.expect("it is in memory");
    CUT_OFF.set(false);
    pass(400_000).await;
    assert_eq!(states().await, [State::Done, State::Done], "it works again");
    let mut begun = BEGUN.with(|begun| begun.borrow().clone());
    begun.sort_unstable();
    assert_eq!(begun, [1, 1, 2], "the run that was cancelled began again");
}

/// A drain that takes longer than a lease keeps it; when the worker has left, its tasks are free at once.
#[tokio::test(start_paused = true)]
async fn a_drain_keeps_the_lease_until_it_leaves() {
    let first = Model::shared(StoreClock::of_tokio(), LEASE);
    let second = first.another();
    let handlers = || ["a", "b"].into();
    first.recover(handlers()).await.expect("it is in memory");
    let store =
        Syncing { model: first, takes: |_, _| 0, count: AtomicU64::new(0), fails: AtomicBool::new(false) };
    let inbox = working_with(store, &HANDLERS, 8);
    let keeping = tokio::spawn(Arc::clone(&inbox.worker).keep_lease());
    send(&inbox, 1, "payout.paid", 200_000, false);
    pass(1_000).await;
    let worker = Arc::clone(&inbox.worker);
    let draining = tokio::spawn(async move { worker.drain(Duration::from_secs(300)).await });
    pass(150_000).await;
    let recovered = second.recover(handlers()).await.expect("it is in memory");
    assert_eq!(recovered, Recovered::default(), "it is alive");
    assert!(draining.await.expect("no panic"));
    assert_eq!(count(&inbox, State::Done).await, 1);
    inbox.worker.leave().await;
    tokio::time::timeout(LEASE, keeping).await.expect("it keeps no lease any more").expect("no panic");
}
