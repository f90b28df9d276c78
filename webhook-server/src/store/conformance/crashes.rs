//! Tasks that end the process: only the guilty are convicted, and nothing else waits for long.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};

use super::random_walks::walks;
use super::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// An event arrives. Its task ends the process when it runs, or does not.
    Arrive { handler: usize, is_guilty: bool, at_once: StartMode, object: Option<u8> },
    /// What is due starts, up to this many tasks.
    Claim { slots: usize },
    /// A run of a task that is not guilty ends.
    Finish { run: usize, fails: bool },
    /// A run has gone on for so long that it is cleared.
    ClearSuspect { run: usize },
    /// A guilty run, if there is one, ends the process.
    Crash,
}

const HANDLERS: [HandlerId; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let arrive = (0..3_usize, proptest::bool::weighted(0.15), 0..3_u8, proptest::option::of(0..3_u8));
    prop_oneof![
        5 => arrive.prop_map(|(handler, is_guilty, start, object)| Step::Arrive {
            handler,
            is_guilty,
            at_once: [StartMode::No, StartMode::IfFree, StartMode::Awaited][usize::from(start)],
            object,
        }),
        5 => (1..8_usize).prop_map(|slots| Step::Claim { slots }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(run, fails)| Step::Finish { run, fails }),
        1 => any::<usize>().prop_map(|run| Step::ClearSuspect { run }),
        3 => proptest::strategy::Just(Step::Crash),
    ]
}

/// A store, and what the test knows about its tasks.
struct Trial<S> {
    world: World<S>,
    events: usize,
    /// The tasks whose runs end the process.
    guilty: BTreeSet<i64>,
    /// For each task, how many processes ended while it was running and not cleared, since it last ended a run itself.
    crashes: BTreeMap<i64, u32>,
    /// The running tasks that may run beside an accused one, because their senders wait for the answers.
    running: BTreeMap<i64, Claim>,
    awaited: BTreeSet<i64>,
    cleared: BTreeSet<i64>,
}

impl<S: Subject> Trial<S> {
    fn new() -> Self {
        Self {
            world: World::new(),
            events: 0,
            guilty: BTreeSet::new(),
            crashes: BTreeMap::new(),
            running: BTreeMap::new(),
            awaited: BTreeSet::new(),
            cleared: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Arrive { handler, is_guilty, at_once, object } => {
                self.arrive(HANDLERS[handler], is_guilty, at_once, object);
            }
            Step::Claim { slots } => self.claim(slots),
            Step::Finish { run, fails } => {
                let innocent = self.running.iter().filter(|(task, _)| !self.guilty.contains(task));
                let innocent: Vec<(i64, Claim)> =
                    innocent.map(|(task, claim)| (*task, claim.clone())).collect();
                let Some((task, claim)) = innocent.get(run % innocent.len().max(1)) else { return };
                self.running.remove(task);
                self.crashes.remove(task);
                let end = if fails { again_after(Duration::ZERO) } else { Disposition::Done };
                assert!(self.world.finish(claim, end));
            }
            Step::ClearSuspect { run } => {
                // A run that ends the process does so before: what takes longer is left to its attempts.
                let innocent: Vec<&Claim> =
                    self.running.values().filter(|claim| !self.guilty.contains(&claim.ticket.task)).collect();
                let Some(claim) = innocent.get(run % innocent.len().max(1)) else { return };
                let ticket = claim.ticket;
                self.cleared.insert(ticket.task);
                self.world.done(|store| store.clear_suspect(ticket));
            }
            Step::Crash => self.crash(),
        }
    }

    fn arrive(&mut self, handler: HandlerId, is_guilty: bool, at_once: StartMode, object: Option<u8>) {
        self.events += 1;
        let lane = object.filter(|_| at_once != StartMode::Awaited);
        let lane = lane.map(|object| Lane { key: format!("ch_{object}"), strict: false });
        let task = NewTask { lane, at_once, ..free(handler) };
        let started = self.world.record(&format!("evt_{}", self.events), &[task]);
        let id = self.world.tasks().last().unwrap().task;
        if is_guilty {
            self.guilty.insert(id);
        }
        if at_once == StartMode::Awaited {
            assert_eq!(started.len(), 1, "what is awaited always starts");
            self.awaited.insert(id);
        }
        self.start(started);
    }

    fn claim(&mut self, slots: usize) {
        let claims = self.world.claim(slots);
        self.start(claims);
        if self.accused_runs() || slots < 7 {
            return;
        }
        // Nothing that is due waits for a suspect, but another suspect, and what comes after one in its lane.
        let waiting = self.world.tasks().into_iter().filter(|row| row.state == State::Ready);
        let waiting: Vec<TaskRow> = waiting.filter(|row| !self.crashes.contains_key(&row.task)).collect();
        assert!(waiting.is_empty() || self.running.len() >= 7, "{waiting:?} beside {:?}", self.running);
    }

    fn start(&mut self, claims: Vec<Claim>) {
        for claim in claims {
            self.cleared.remove(&claim.ticket.task);
            self.running.insert(claim.ticket.task, claim);
        }
    }

    fn is_accused(&self, task: i64) -> bool {
        self.crashes.get(&task).is_some_and(|crashes| *crashes >= ACCUSED) && !self.cleared.contains(&task)
    }

    fn accused_runs(&self) -> bool {
        self.running.keys().any(|task| self.is_accused(*task))
    }

    /// Lets a guilty run end the process, and starts the process again.
    fn crash(&mut self) {
        if !self.running.keys().any(|task| self.guilty.contains(task)) {
            return;
        }
        let accused: Vec<i64> = self.running.keys().copied().filter(|task| self.is_accused(*task)).collect();
        assert!(accused.len() <= 1, "{accused:?}");
        let beside: Vec<i64> = self.running.keys().copied().filter(|task| !accused.contains(task)).collect();
        if !accused.is_empty() {
            let are_awaited =
                beside.iter().all(|task| self.awaited.contains(task) || self.cleared.contains(task));
            assert!(are_awaited, "{beside:?} beside {accused:?}");
        }
        for task in self.running.keys() {
            *self.crashes.entry(*task).or_default() += u32::from(!self.cleared.contains(task));
        }
        self.running.clear();
        self.cleared.clear();
        // A sender waits only for the first run of a task.
        self.awaited.clear();
        let poisoned = self.world.restart(&HANDLERS).poisoned;
        if let [accused] = accused[..] {
            let is_convicted = self.world.task(accused).state == State::Parked;
            assert_eq!(is_convicted, beside.is_empty(), "{accused} beside {beside:?}");
            assert_eq!(poisoned, u64::from(is_convicted));
            if is_convicted {
                self.crashes.remove(&accused);
            }
        } else {
            assert_eq!(poisoned, 0, "none was accused");
        }
        for row in self.world.tasks().iter().filter(|row| row.why == Some(ParkReason::Poison)) {
            assert!(self.guilty.contains(&row.task), "an innocent task was convicted: {row:?}");
        }
    }

    /// Goes on until nothing is left. By then every guilty task is convicted, by three crashes at most, since no awaited
    /// task arrives any more.
    fn conclude(&mut self) {
        for _ in 0..10_000 {
            self.claim(10);
            if self.running.keys().any(|task| self.guilty.contains(task)) {
                self.crash();
                let most = self.crashes.values().copied().max().unwrap_or_default();
                assert!(most <= MAX_CRASHES + self.events as u32, "{:?}", self.crashes);
            } else if self.running.is_empty() {
                break;
            } else {
                self.take(&Step::Finish { run: 0, fails: false });
            }
        }
        let left: Vec<TaskRow> = self.world.tasks().into_iter().filter(|row| row.state.is_open()).collect();
        assert!(left.is_empty(), "{left:?}");
        for row in self.world.tasks() {
            let is_guilty = self.guilty.contains(&row.task);
            assert_eq!(row.why == Some(ParkReason::Poison), is_guilty, "{row:?}");
        }
    }
}

fn trial<S: Subject>(steps: &[Step]) {
    let mut trial = Trial::<S>::new();
    for step in steps {
        trial.take(step);
    }
    trial.conclude();
}

proptest! {
    #![proptest_config(walks())]

    #[test]
    fn the_guilty_are_convicted_and_no_other_in_model(steps in vec(step(), 1..60)) {
        trial::<InModel>(&steps);
    }

    #[test]
    fn the_guilty_are_convicted_and_no_other_in_memory(steps in vec(step(), 1..60)) {
        trial::<InMemory>(&steps);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_guilty_are_convicted_and_no_other_in_postgres(steps in vec(step(), 1..60)) {
        trial::<InPostgres>(&steps);
    }

    #[test]
    fn the_guilty_are_convicted_and_no_other_on_disk(steps in vec(step(), 1..60)) {
        trial::<OnDisk>(&steps);
    }
}

/// Without awaited runs beside it, a guilty task ends the process three times, whatever else runs.
#[test]
fn a_guilty_task_is_convicted_by_its_third_crash() {
    for company in 0..10 {
        let mut trial = Trial::<InModel>::new();
        trial.arrive("a", true, StartMode::No, None);
        for _ in 0..company {
            trial.arrive("b", false, StartMode::No, None);
        }
        let mut crashes = 0;
        while trial.world.task(1).state != State::Parked {
            trial.arrive("c", false, StartMode::IfFree, None);
            trial.claim(100);
            if trial.running.contains_key(&1) {
                trial.crash();
                crashes += 1;
            } else {
                trial.take(&Step::Finish { run: 0, fails: false });
            }
        }
        assert_eq!(crashes, MAX_CRASHES, "beside {company}");
    }
}

/// Three crashes of others, which were awaited; then a run that is cleared and that an orderly stop cuts off.
fn cleared_after_three_crashes_of_others<S: Subject>() {
    let mut world = World::<S>::new();
    world.record("evt_1", &[free("a")]);
    for crash in 1..=3 {
        assert_eq!(world.claim_ids(10), [1]);
        let guilty = world.record(&format!("evt_w{crash}"), &[awaited("w")]);
        assert_eq!(world.restart(&["a", "w"]).poisoned, 0);
        assert!(world.skip(guilty[0].ticket.task));
    }
    let claim = world.claim_one();
    world.done(|store| store.clear_suspect(claim.ticket));
    let began = world.restart(&["a", "w"]);
    assert_eq!((began.poisoned, world.task(1).state), (0, State::Ready), "{:?}", world.task(1));
}

#[test]
fn an_cleared_run_is_no_poison_in_model() {
    cleared_after_three_crashes_of_others::<InModel>();
}

#[test]
fn an_cleared_run_is_no_poison_in_memory() {
    cleared_after_three_crashes_of_others::<InMemory>();
}

#[cfg(feature = "postgres")]
#[test]
fn an_cleared_run_is_no_poison_in_postgres() {
    cleared_after_three_crashes_of_others::<InPostgres>();
}

#[test]
fn an_cleared_run_is_no_poison_on_disk() {
    cleared_after_three_crashes_of_others::<OnDisk>();
}

/// The run of an accused task is cut off by an orderly stop: cleared, and given back.
fn accused_at_an_orderly_stop<S: Subject>() {
    let mut world = World::<S>::new();
    world.record("evt_1", &[free("a")]);
    for _ in 1..=2 {
        assert_eq!(world.claim_ids(10), [1]);
        world.restart(&["a", "b"]);
    }
    let accused = world.claim_one();
    world.done(|store| store.clear_suspect(accused.ticket));
    assert!(world.finish(&accused, Disposition::Released));
    world.restart(&["a", "b"]);
    world.record("evt_2", &[free("b")]);
    assert_eq!(world.claim_ids(10), [1], "it is accused still, and runs alone");
}

#[test]
fn an_orderly_stop_does_not_clear_an_accused_task_in_model() {
    accused_at_an_orderly_stop::<InModel>();
}

#[test]
fn an_orderly_stop_does_not_clear_an_accused_task_in_memory() {
    accused_at_an_orderly_stop::<InMemory>();
}

#[cfg(feature = "postgres")]
#[test]
fn an_orderly_stop_does_not_clear_an_accused_task_in_postgres() {
    accused_at_an_orderly_stop::<InPostgres>();
}

#[test]
fn an_orderly_stop_does_not_clear_an_accused_task_on_disk() {
    accused_at_an_orderly_stop::<OnDisk>();
}
