//! Several instances that share one inbox: a live one keeps its tasks, and the tasks of a dead one are taken over.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::random_walks::{check_lanes, walks};
use super::*;

/// A kind of store that several instances share, with a clock that starts at [`START`] and stands still.
trait Shared {
    /// How long a lease lasts.
    const LEASE: Duration;

    fn new(instances: usize) -> Self;
    fn store(&self, instance: usize) -> &dyn Store;
    fn advance(&self, by: Duration);
}

struct InModels {
    clock: ManualClock,
    stores: Vec<Model>,
}

impl Shared for InModels {
    const LEASE: Duration = Duration::from_secs(60);

    fn new(instances: usize) -> Self {
        let clock = ManualClock::new(START);
        let first = Model::shared(StoreClock::manual(&clock), Self::LEASE);
        let mut stores: Vec<Model> = (1..instances).map(|_| first.another()).collect();
        stores.push(first);
        Self { clock, stores }
    }

    fn store(&self, instance: usize) -> &dyn Store {
        &self.stores[instance]
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

#[cfg(feature = "postgres")]
struct InPostgreses {
    clock: ManualClock,
    stores: Vec<Postgres>,
}

#[cfg(feature = "postgres")]
impl Shared for InPostgreses {
    const LEASE: Duration = Duration::from_secs(60);

    fn new(instances: usize) -> Self {
        let clock = ManualClock::new(START);
        let inbox = inbox_in_postgres(&clock);
        Self { stores: (0..instances).map(|_| inbox.instance(Self::LEASE)).collect(), clock }
    }

    fn store(&self, instance: usize) -> &dyn Store {
        &self.stores[instance]
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

const A: usize = 0;
const B: usize = 1;

/// The handlers of every instance, unless a test says otherwise.
const HANDLERS: [HandlerId; 2] = ["a", "b"];

/// Some instances of an inbox.
struct Instances<S> {
    shared: S,
    runtime: Runtime,
}

impl<S: Shared> Instances<S> {
    /// So many have joined.
    fn joined(count: usize) -> Self {
        let instances = Self::apart(count);
        for instance in 0..count {
            instances.recover(instance, &HANDLERS);
        }
        instances
    }

    /// None has joined.
    fn apart(count: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { shared: S::new(count), runtime }
    }

    fn done<'s, T>(
        &'s self,
        instance: usize,
        operation: impl FnOnce(&'s dyn Store) -> StoreFuture<'s, T>,
    ) -> T {
        self.runtime.block_on(async { operation(self.shared.store(instance)).await }).unwrap()
    }

    fn recover(&self, instance: usize, handlers: &[HandlerId]) -> Recovered {
        self.done(instance, |store| store.recover(shared(handlers)))
    }

    fn heartbeat(&self, instance: usize) -> Heartbeat {
        self.done(instance, |store| store.heartbeat())
    }

    fn record(&self, instance: usize, event_id: &str, tasks: &[NewTask]) -> Vec<Claim> {
        match self.done(instance, |store| store.record(arrival(event_id, tasks))) {
            RecordResult::New { started, .. } => started,
            known @ RecordResult::Duplicate { .. } => panic!("{known:?}"),
        }
    }

    fn claim(&self, instance: usize) -> Vec<Claim> {
        let each: Vec<(HandlerId, usize)> = HANDLERS.into_iter().map(|handler| (handler, 10)).collect();
        self.done(instance, |store| store.claim(capacity(10, &each))).claims
    }

    fn claim_ids(&self, instance: usize) -> Vec<i64> {
        self.claim(instance).iter().map(|claim| claim.ticket.task).collect()
    }

    fn finish(&self, instance: usize, claim: &Claim) -> bool {
        self.done(instance, |store| store.finish(claim.ticket, Disposition::Done)).was_ours
    }

    fn rows(&self) -> Vec<TaskRow> {
        let mut rows = self.done(A, |store| store.tasks(everything()));
        rows.reverse();
        rows
    }

    fn states(&self) -> Vec<State> {
        self.rows().iter().map(|row| row.state).collect()
    }

    /// Lets the lease of `dead` end while the other instance renews its own.
    fn outlive(&self, dead: usize) -> Recovered {
        self.shared.advance(S::LEASE / 2);
        let Heartbeat::Renewed(_) = self.heartbeat(1 - dead) else { panic!("it is alive") };
        self.shared.advance(S::LEASE / 2);
        let Heartbeat::Renewed(recovered) = self.heartbeat(1 - dead) else { panic!("it is alive") };
        recovered
    }
}

/// Makes a test of every scenario for every store that several instances share.
macro_rules! on_every_shared_store {
    ($($scene:ident,)*) => {
        mod in_models {
            $(#[test] fn $scene() { super::$scene::<super::InModels>(); })*
        }

        #[cfg(feature = "postgres")]
        mod in_postgres {
            $(#[test] fn $scene() { super::$scene::<super::InPostgreses>(); })*
        }
    };
}

on_every_shared_store! {
    a_live_instance_keeps_its_tasks,
    what_a_dead_instance_ran_is_taken_over,
    a_lease_can_be_renewed_until_it_is_taken_over,
    an_instance_that_was_frozen_changes_nothing,
    an_instance_that_was_frozen_starts_nothing_but_records,
    an_instance_that_leaves_gives_back_its_tasks,
    a_handler_of_another_instance_is_not_missing,
    an_event_is_known_to_every_instance,
    an_occurrence_is_known_to_every_instance,
    a_lane_is_one_for_all_instances,
    a_crash_is_its_own_instance_s,
    an_accused_task_is_alone_in_its_own_instance,
}

fn a_live_instance_keeps_its_tasks<S: Shared>() {
    let pair = Instances::<S>::apart(2);
    pair.recover(A, &HANDLERS);
    pair.record(A, "evt_1", &[free("a"), free("b")]);
    let claims = pair.claim(A);
    assert_eq!(pair.recover(B, &HANDLERS), Recovered::default(), "nothing is left by anyone");
    for _ in 0..10 {
        pair.shared.advance(S::LEASE / 2);
        assert_eq!(pair.heartbeat(A), Heartbeat::Renewed(Recovered::default()));
        assert_eq!(pair.heartbeat(B), Heartbeat::Renewed(Recovered::default()));
    }
    assert!(pair.claim(B).is_empty());
    assert!(claims.iter().all(|claim| pair.finish(A, claim)));
    assert_eq!(pair.states(), [State::Done; 2]);
}

fn what_a_dead_instance_ran_is_taken_over<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[free("a")]);
    assert_eq!(pair.claim_ids(A), [1]);
    assert_eq!(pair.outlive(A), Recovered { suspects: 1, ..Recovered::default() });
    let claims = pair.claim(B);
    assert_eq!((claims[0].ticket, claims[0].attempt), (Ticket { task: 1, fence: 2 }, 2));
    assert!(pair.finish(B, &claims[0]));
    assert_eq!(pair.states(), [State::Done]);
}

fn a_lease_can_be_renewed_until_it_is_taken_over<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[free("a")]);
    let claims = pair.claim(A);
    pair.shared.advance(3 * S::LEASE);
    assert!(matches!(pair.heartbeat(A), Heartbeat::Renewed(_)), "no other has taken it over");
    assert!(pair.finish(A, &claims[0]));
}

fn an_instance_that_was_frozen_changes_nothing<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[free("a")]);
    let old = pair.claim(A).remove(0);
    pair.outlive(A);
    assert!(!pair.finish(A, &old), "it was taken over");
    let new = pair.claim(B).remove(0);
    assert!(!pair.finish(A, &old), "another runs it");
    pair.done(A, |store| store.clear_suspect(old.ticket));
    assert_eq!(pair.heartbeat(A), Heartbeat::Lost);
    pair.recover(A, &HANDLERS);
    assert!(!pair.finish(A, &old));
    assert_eq!(pair.states(), [State::Running]);
    assert!(pair.finish(B, &new));
}

fn an_instance_that_was_frozen_starts_nothing_but_records<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.outlive(A);
    assert!(pair.record(A, "evt_1", &[at_once(free("a")), awaited("b")]).is_empty());
    assert!(pair.claim(A).is_empty());
    assert_eq!(pair.states(), [State::Ready; 2]);
    assert_eq!(pair.heartbeat(A), Heartbeat::Lost);
    assert!(pair.claim(A).is_empty());
    assert_eq!(pair.recover(A, &HANDLERS), Recovered::default());
    assert_eq!(pair.claim_ids(A), [1, 2]);
}

fn an_instance_that_leaves_gives_back_its_tasks<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[serial("a")]);
    pair.record(A, "evt_2", &[serial("a")]);
    let old = pair.claim(A).remove(0);
    pair.done(A, |store| store.leave());
    assert!(!pair.finish(A, &old));
    assert!(pair.claim(A).is_empty(), "it is gone");
    let new = pair.claim(B);
    assert_eq!(new.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(pair.heartbeat(B), Heartbeat::Renewed(Recovered::default()), "it left nothing");
    assert!(pair.finish(B, &new[0]));
    assert_eq!(pair.claim_ids(B), [2]);
}

fn a_handler_of_another_instance_is_not_missing<S: Shared>() {
    let pair = Instances::<S>::apart(2);
    pair.recover(A, &["a"]);
    pair.record(A, "evt_1", &[free("a")]);
    assert_eq!(pair.recover(B, &["b"]).without_handler, 0, "a deploy goes on, and A still has it");
    pair.record(B, "evt_2", &[free("b")]);
    assert_eq!(pair.recover(A, &["a"]).without_handler, 0, "nor is the new one's missing");
    assert_eq!(pair.states(), [State::Ready; 2]);
    pair.done(A, |store| store.leave());
    pair.outlive(A);
    // A store may wait with this: what matters is that it is not lost.
    assert_ne!(pair.states()[0], State::Skipped);
    pair.recover(A, &["a"]);
    assert_eq!(pair.states(), [State::Ready; 2], "it is back");
}

fn an_event_is_known_to_every_instance<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    let started = pair.record(A, "evt_1", &[at_once(free("a")), free("b")]);
    let again = pair.done(B, |store| store.record(arrival("evt_1", &[at_once(free("a"))])));
    assert!(matches!(again, RecordResult::Duplicate { same_body: true, added: 0, .. }));
    assert_eq!(pair.claim_ids(B), [2], "the other one runs already");
    assert!(pair.finish(A, &started[0]));
}

fn an_occurrence_is_known_to_every_instance<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    let both = || NewTask { occurrence: Some("evt_1/charge.succeeded/".to_owned()), ..at_once(free("a")) };
    let started = pair.record(A, "evt_1", &[both()]);
    let twin = pair.done(B, |store| store.record(arrival("evt_2", &[both(), free("b")])));
    assert!(matches!(twin, RecordResult::New { known_occurrences: 1, .. }), "{twin:?}");
    assert_eq!(pair.claim_ids(B), [pair.rows()[1].task], "the other one runs already");
    pair.outlive(A);
    assert_eq!(pair.claim(B)[0].ticket.task, started[0].ticket.task);
    assert_eq!(pair.rows().len(), 2);
}

fn a_lane_is_one_for_all_instances<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    let first = pair.record(A, "evt_1", &[at_once(serial("a"))]);
    assert!(pair.record(B, "evt_2", &[at_once(serial("a"))]).is_empty());
    assert!(pair.claim(B).is_empty());
    assert!(pair.finish(A, &first[0]));
    assert_eq!(pair.claim_ids(B), [2]);
}

fn a_crash_is_its_own_instance_s<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[free("a")]);
    assert_eq!(pair.claim_ids(A), [1]);
    pair.record(B, "evt_2", &[free("b")]);
    let beside = pair.claim(B);
    for crash in 1..=2 {
        assert_eq!(pair.outlive(A).suspects, 1, "crash {crash}");
        pair.recover(A, &HANDLERS);
        assert_eq!(pair.claim_ids(A), [1]);
    }
    // What B ran all along did not end A.
    assert_eq!(pair.outlive(A).poisoned, 1);
    assert_eq!(pair.rows()[0].why, Some(ParkReason::Poison));
    assert!(pair.finish(B, &beside[0]), "and B was never disturbed");
}

fn an_accused_task_is_alone_in_its_own_instance<S: Shared>() {
    let pair = Instances::<S>::joined(2);
    pair.record(A, "evt_1", &[free("a")]);
    for _ in 0..ACCUSED {
        assert_eq!(pair.claim_ids(A), [1]);
        pair.outlive(A);
        pair.recover(A, &HANDLERS);
    }
    pair.record(B, "evt_2", &[free("b")]);
    assert_eq!(pair.claim_ids(A), [1], "it comes first");
    assert!(pair.claim(A).is_empty(), "and runs alone");
    assert!(pair.record(A, "evt_3", &[at_once(free("b"))]).is_empty());
    assert_eq!(pair.claim_ids(B), [2, 3], "elsewhere, everything goes on");
    assert_eq!(pair.record(B, "evt_4", &[at_once(free("b"))]).len(), 1);
}

/// A step of a random walk of some instances.
#[derive(Clone, Debug)]
enum Step {
    Record {
        instance: usize,
        object: u8,
        handlers: u8,
        at_once: StartMode,
    },
    Claim {
        instance: usize,
    },
    Finish {
        run: usize,
        end: Disposition,
    },
    ClearSuspect {
        run: usize,
    },
    Later(Duration),
    Heartbeat {
        instance: usize,
    },
    Leave {
        instance: usize,
    },
    /// The process ends, and another starts in its place.
    Crash {
        instance: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let instance = || 0..WALKING;
    let starts = proptest::sample::select(vec![StartMode::No, StartMode::IfFree, StartMode::Awaited]);
    let end = prop_oneof![
        3 => Just(Disposition::Done),
        2 => Just(again_after(SECOND)),
        1 => Just(parked()),
        1 => Just(Disposition::Released),
    ];
    let later = proptest::sample::select(vec![SECOND, 10 * SECOND, 25 * SECOND, 70 * SECOND]);
    prop_oneof![
        6 => (instance(), 0..3_u8, 1..4_u8, starts).prop_map(|(instance, object, handlers, at_once)| {
            Step::Record { instance, object, handlers, at_once }
        }),
        6 => instance().prop_map(|instance| Step::Claim { instance }),
        6 => (any::<usize>(), end).prop_map(|(run, end)| Step::Finish { run, end }),
        1 => any::<usize>().prop_map(|run| Step::ClearSuspect { run }),
        5 => later.prop_map(Step::Later),
        6 => instance().prop_map(|instance| Step::Heartbeat { instance }),
        1 => instance().prop_map(|instance| Step::Leave { instance }),
        2 => instance().prop_map(|instance| Step::Crash { instance }),
    ]
}

/// How many instances walk.
const WALKING: usize = 3;

/// Instances, and what each knows about itself.
struct Walk<S> {
    instances: Instances<S>,
    now: Duration,
    events: usize,
    /// Until when the lease of each instance lasts, as far as the instance knows.
    leases: [Option<Duration>; WALKING],
    /// The occurrences that events reported to the handler `a`, which takes their twins as well.
    occurrences: BTreeMap<String, String>,
    /// The runs in progress, each with its instance.
    runs: BTreeMap<Ticket, usize>,
}

impl<S: Shared> Walk<S> {
    fn new() -> Self {
        Self {
            instances: Instances::joined(WALKING),
            now: Duration::ZERO,
            events: 0,
            leases: [Some(S::LEASE); WALKING],
            occurrences: BTreeMap::new(),
            runs: BTreeMap::new(),
        }
    }

    fn has_lease(&self, instance: usize) -> bool {
        self.leases[instance].is_some_and(|until| self.now < until)
    }

    fn start(&mut self, instance: usize, claims: Vec<Claim>) {
        assert!(claims.is_empty() || self.has_lease(instance), "{instance} has no lease: {claims:?}");
        for claim in claims {
            let live = self.runs.iter().filter(|(ticket, _)| ticket.task == claim.ticket.task);
            for (other, at) in live {
                assert!(other.fence < claim.ticket.fence && !self.has_lease(*at), "{claim:?} runs in {at}");
            }
            self.runs.insert(claim.ticket, instance);
        }
    }

    /// Forgets what an instance ran.
    fn end(&mut self, instance: usize) {
        self.runs.retain(|_, at| *at != instance);
        self.leases[instance] = None;
    }

    fn recover(&mut self, instance: usize) {
        self.instances.recover(instance, &HANDLERS);
        self.leases[instance] = Some(self.now + S::LEASE);
    }

    fn take(&mut self, step: &Step) {
        match step.clone() {
            Step::Record { instance, object, handlers, at_once } => {
                self.events += 1;
                let of = |(at, handler): (usize, &HandlerId)| {
                    let lane = (at_once != StartMode::Awaited)
                        .then(|| Lane { key: format!("ch_{object}"), strict: false });
                    // The event is the twin of the one before or after it, as far as both are about one object.
                    let occurrence =
                        (object < 2 && *handler == "a").then(|| format!("{}/ch_{object}", self.events / 2));
                    (handlers & (1 << at) != 0).then(|| NewTask {
                        lane,
                        at_once,
                        occurrence,
                        ..free(handler)
                    })
                };
                let tasks: Vec<NewTask> = HANDLERS.iter().enumerate().filter_map(of).collect();
                let id = format!("evt_{}", self.events);
                let started = self.instances.record(instance, &id, &tasks);
                self.occurrences
                    .extend(tasks.into_iter().filter_map(|task| Some((id.clone(), task.occurrence?))));
                self.start(instance, started);
            }
            Step::Claim { instance } => {
                let claims = self.instances.claim(instance);
                self.start(instance, claims);
            }
            Step::Finish { run, end } => {
                let Some((ticket, instance)) = self.nth(run) else { return };
                let was_ours = self.instances.done(instance, |store| store.finish(ticket, end)).was_ours;
                assert!(was_ours || !self.has_lease(instance), "{ticket:?} was taken from a live instance");
                self.runs.remove(&ticket);
            }
            Step::ClearSuspect { run } => {
                let Some((ticket, instance)) = self.nth(run) else { return };
                self.instances.done(instance, |store| store.clear_suspect(ticket));
            }
            Step::Later(by) => {
                self.now += by;
                self.instances.shared.advance(by);
            }
            Step::Heartbeat { instance } => match self.instances.heartbeat(instance) {
                Heartbeat::Renewed(_) => {
                    assert!(self.leases[instance].is_some(), "{instance} has left");
                    self.leases[instance] = Some(self.now + S::LEASE);
                }
                Heartbeat::Lost => {
                    assert!(!self.has_lease(instance), "{instance} was alive");
                    self.end(instance);
                    self.recover(instance);
                }
            },
            Step::Leave { instance } => {
                self.instances.done(instance, |store| store.leave());
                self.end(instance);
            }
            Step::Crash { instance } => {
                self.end(instance);
                self.recover(instance);
            }
        }
    }

    fn nth(&self, run: usize) -> Option<(Ticket, usize)> {
        self.runs.iter().nth(run % self.runs.len().max(1)).map(|(ticket, instance)| (*ticket, *instance))
    }

    /// Each occurrence has one task of the handler that takes both twins.
    fn check_occurrences(&self) {
        let rows = self.instances.rows().into_iter().filter(|row| row.handler == "a");
        let mut had: Vec<&String> = rows.filter_map(|row| self.occurrences.get(&row.event_id)).collect();
        had.sort();
        let mut wanted: Vec<&String> = self.occurrences.values().collect();
        wanted.sort();
        wanted.dedup();
        assert_eq!(had, wanted);
    }

    /// Goes on until nothing is open.
    fn drain(&mut self) {
        for instance in 0..WALKING {
            self.end(instance);
            self.recover(instance);
        }
        for _ in 0..1_000 {
            if self.instances.states().iter().all(|state| !state.is_open()) {
                self.check_occurrences();
                return;
            }
            for instance in 0..WALKING {
                self.take(&Step::Heartbeat { instance });
                self.take(&Step::Claim { instance });
            }
            while let Some((ticket, instance)) = self.nth(0) {
                assert!(
                    self.instances.done(instance, |store| store.finish(ticket, Disposition::Done)).was_ours
                );
                self.runs.remove(&ticket);
            }
            self.take(&Step::Later(10 * SECOND));
        }
        panic!("there is always something left: {:#?}", self.instances.rows());
    }
}

proptest! {
    #![proptest_config(walks())]

    #[test]
    fn models_share_an_inbox_on_walks(steps in vec(step(), 1..80)) {
        let mut walk = Walk::<InModels>::new();
        for step in &steps {
            walk.take(step);
            check_lanes(&walk.instances.shared.stores[A].every_task());
        }
        walk.drain();
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn instances_share_an_inbox_in_postgres_on_walks(steps in vec(step(), 1..80)) {
        let mut walk = Walk::<InPostgreses>::new();
        for step in &steps {
            walk.take(step);
        }
        walk.drain();
    }
}
