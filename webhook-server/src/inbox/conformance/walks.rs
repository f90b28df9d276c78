//! Random walks: a store does as the model does, and the model keeps the rules.

use proptest::array::uniform3;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

use super::*;

/// The handlers of a random walk.
const HANDLERS: [&str; 3] = ["a", "b", "c"];

/// The events of a random walk: the type, the object, and when it happened.
const EVENTS: [(&str, Option<&str>, Option<i64>); 8] = [
    ("charge.captured", Some("ch_1"), Some(20)),
    ("charge.updated", Some("ch_1"), Some(10)),
    ("charge.dispute.created", Some("ch_1"), Some(20)),
    ("charge.dispute.closed", Some("ch_1"), None),
    ("charge.updated", Some("ch_1"), Some(30)),
    ("payout.paid", Some("po_1"), Some(10)),
    ("payout.updated", Some("po_1"), Some(5)),
    ("balance.available", None, Some(15)),
];

/// How the runs of a handler are ordered: `None`, or with lanes that are strict or not.
type Order = Option<bool>;

/// A step of a random walk. Which task is meant is taken modulo the number of those that there are.
#[derive(Clone, Debug)]
enum Step {
    Record {
        event: usize,
        changed: bool,
        handlers: u8,
        start: bool,
    },
    Claim {
        slots: usize,
        each: [usize; 3],
    },
    Finish {
        run: usize,
        end: End,
    },
    /// With a ticket that has been used, or taken over.
    FinishOld {
        task: usize,
        end: End,
    },
    Acquit(usize),
    Later(Duration),
    Restart {
        handlers: u8,
    },
    Quarantine(u8),
    Prune {
        keep: Retention,
        cursor: i64,
    },
    Retry {
        task: usize,
        handlers: u8,
    },
    Discard(usize),
    Replay {
        event: usize,
        handlers: u8,
    },
    List(Filter),
}

fn step() -> impl Strategy<Value = Step> {
    let event = || 0..EVENTS.len();
    let delay = select(vec![Duration::ZERO, Duration::from_micros(1), SECOND, 30 * SECOND]);
    let retention = select(vec![
        KEEP,
        Retention { bodies: Duration::ZERO, ids: Duration::ZERO, parked: Duration::ZERO },
        Retention { bodies: DAY, ids: 2 * DAY, parked: 3 * DAY },
        Retention { bodies: 2 * DAY, ids: DAY, parked: DAY },
    ]);
    let later = select(vec![Duration::from_millis(1), SECOND, 29 * SECOND, DAY, 3 * DAY, 40 * DAY]);
    // Mostly all handlers are there.
    let present = || prop_oneof![4 => Just(7), 1 => 0..8_u8];
    prop_oneof![
        12 => (event(), any::<bool>(), 0..8_u8, any::<bool>())
            .prop_map(|(event, changed, handlers, start)| Step::Record { event, changed, handlers, start }),
        12 => (0..5_usize, uniform3(prop_oneof![2 => Just(5), 1 => 0..3_usize]))
            .prop_map(|(slots, each)| Step::Claim { slots, each }),
        16 => (any::<usize>(), end(delay.clone())).prop_map(|(run, end)| Step::Finish { run, end }),
        1 => (any::<usize>(), end(delay)).prop_map(|(task, end)| Step::FinishOld { task, end }),
        2 => any::<usize>().prop_map(Step::Acquit),
        6 => later.prop_map(Step::Later),
        4 => present().prop_map(|handlers| Step::Restart { handlers }),
        1 => (0..3_u8).prop_map(Step::Quarantine),
        2 => (retention, 0..6_i64).prop_map(|(keep, cursor)| Step::Prune { keep, cursor }),
        2 => (any::<usize>(), present()).prop_map(|(task, handlers)| Step::Retry { task, handlers }),
        2 => any::<usize>().prop_map(Step::Discard),
        3 => (event(), 0..8_u8).prop_map(|(event, handlers)| Step::Replay { event, handlers }),
        2 => filter().prop_map(Step::List),
    ]
}

fn end(delay: impl Strategy<Value = Duration> + 'static) -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Done),
        1 => Just(discarded()),
        4 => delay.prop_map(again_after),
        1 => select(vec![Why::Asked, Why::Exhausted, Why::Undecodable])
            .prop_map(|why| End::Parked { why, error: "parked".to_owned() }),
        2 => Just(End::Released),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    use proptest::option::weighted;

    let states = vec![State::Ready, State::Blocked, State::Running, State::Done, State::Parked];
    let types = vec!["charge.*", "charge.dispute.*", "charge.updated", "payout", "*"];
    (
        vec((0..EVENTS.len()).prop_map(|event| format!("evt_{event}")), 0..3),
        weighted(0.3, select(types).prop_map(str::to_owned)),
        weighted(0.3, select(HANDLERS.to_vec()).prop_map(str::to_owned)),
        weighted(0.3, select(states)),
        weighted(0.2, select(vec![Why::Asked, Why::Poison, Why::NoHandler])),
        weighted(0.3, select(vec![START, START + 1, START + 2_000, START + 200_000_000])),
        weighted(0.3, 0..20_i64),
        0..10_usize,
    )
        .prop_map(|(event_ids, event_type, handler, state, why, since, after, limit)| Filter {
            event_ids,
            event_type,
            handler,
            state,
            why,
            since,
            after,
            limit,
            ..Filter::default()
        })
}

/// What everybody may see of a store.
#[derive(Debug, PartialEq)]
struct View {
    tasks: Vec<TaskRow>,
    events: Vec<EventRow>,
    quarantined: Vec<QuarantineRow>,
    stats: Stats,
}

impl<S: Subject> World<S> {
    fn view(&self) -> View {
        let mut quarantined = self.done(|store| store.quarantined(100));
        assert!(quarantined.is_sorted_by(|newer, older| newer.id > older.id), "{quarantined:?}");
        // A store may leave ids out.
        for (place, row) in quarantined.iter_mut().rev().enumerate() {
            row.id = place as i64;
        }
        View {
            tasks: self.done(|store| store.tasks(everything())),
            events: self.done(|store| store.events(everything())),
            quarantined,
            stats: self.stats(),
        }
    }

    /// Takes a step, given the tasks that there are. Tells what came of it.
    fn take(&mut self, step: &Step, tasks: &[Task], orders: [Order; 3]) -> String {
        let chosen = |which: usize| (!tasks.is_empty()).then(|| &tasks[which % tasks.len()]);
        match step.clone() {
            Step::Record { event, changed, handlers, start } => {
                let (event_type, object, created) = EVENTS[event];
                let tasks = walking_tasks(event, handlers, start, orders);
                let plain = arrival(&format!("evt_{event}"), &tasks);
                let body = if changed { Bytes::from_static(b"{}") } else { plain.body.clone() };
                let recorded = self.done(|store| {
                    store.record(Arrival {
                        event_type: event_type.to_owned(),
                        object_id: object.map(str::to_owned),
                        created,
                        body,
                        ..plain
                    })
                });
                match recorded {
                    Recorded::New { started } => format!("started {:?}", shown(&started)),
                    duplicate @ Recorded::Duplicate { .. } => format!("{duplicate:?}"),
                }
            }
            Step::Claim { slots, each } => {
                let handlers: Vec<(&str, usize)> = HANDLERS.into_iter().zip(each).collect();
                let claimed = self.done(|store| store.claim(capacity(slots, &handlers)));
                assert!(claimed.claims.len() <= slots);
                for (handler, left) in handlers {
                    let of_it = claimed.claims.iter().filter(|claim| claim.handler == handler);
                    assert!(of_it.count() <= left, "{handler}");
                }
                format!("claimed {:?}, next in {:?}", shown(&claimed.claims), claimed.next_due)
            }
            Step::Finish { run, end } => {
                let running: Vec<&Task> = tasks.iter().filter(|task| task.state == State::Running).collect();
                let Some(task) = running.get(run % running.len().max(1)) else { return String::new() };
                let ticket = Ticket { task: task.id, fence: task.fence };
                let finished = self.done(|store| store.finish(ticket, end));
                assert!(finished.was_ours);
                format!("{finished:?}")
            }
            Step::FinishOld { task, end } => {
                let Some(task) = chosen(task) else { return String::new() };
                let fence = task.fence - i64::from(task.state == State::Running);
                let finished = self.done(|store| store.finish(Ticket { task: task.id, fence }, end));
                assert!(!finished.was_ours);
                format!("{finished:?}")
            }
            Step::Acquit(task) => {
                let Some(task) = chosen(task) else { return String::new() };
                self.done(|store| store.acquit(Ticket { task: task.id, fence: task.fence }));
                String::new()
            }
            Step::Later(by) => {
                self.later(by);
                String::new()
            }
            Step::Restart { handlers } => format!("{:?}", self.restart(&named(handlers))),
            Step::Quarantine(body) => {
                let body = Bytes::from(vec![body; 1 + usize::from(body)]);
                self.done(|store| store.quarantine(body, "no object".to_owned())).to_string()
            }
            Step::Prune { keep, cursor } => format!("{:?}", self.done(|store| store.prune(keep, cursor))),
            Step::Retry { task, handlers } => {
                format!("{:?}", chosen(task).map(|task| self.retry_of(task.id, &named(handlers))))
            }
            Step::Discard(task) => format!("{:?}", chosen(task).map(|task| self.discard(task.id))),
            Step::Replay { event, handlers } => {
                let tasks = walking_tasks(event, handlers, false, orders);
                format!("{:?}", self.replay(&format!("evt_{event}"), &tasks))
            }
            Step::List(filter) => {
                let tasks = self.done(|store| store.tasks(filter.clone()));
                let events = self.done(|store| store.events(filter.clone()));
                let first = filter.event_ids.first().cloned().unwrap_or_default();
                format!("{tasks:?} {events:?} {:?}", self.done(|store| store.event(first)))
            }
        }
    }
}

fn members(set: u8) -> impl Iterator<Item = usize> {
    (0..HANDLERS.len()).filter(move |index| set & (1 << index) != 0)
}

fn named(set: u8) -> Vec<&'static str> {
    members(set).map(|index| HANDLERS[index]).collect()
}

fn walking_tasks(event: usize, handlers: u8, start: bool, orders: [Order; 3]) -> Vec<NewTask> {
    let object = EVENTS[event].1;
    let task = |index: usize| NewTask {
        handler: HANDLERS[index].to_owned(),
        lane: orders[index].zip(object).map(|(strict, key)| Lane { key: key.to_owned(), strict }),
        start,
    };
    members(handlers).map(task).collect()
}

/// All of some claims.
fn shown(claims: &[Claim]) -> Vec<impl std::fmt::Debug> {
    let show = |claim: &Claim| {
        let Claim { ticket, handler, endpoint, attempt, is_replay, is_stale, body } = claim.clone();
        (ticket, handler, endpoint, attempt, is_replay, is_stale, body)
    };
    claims.iter().map(show).collect()
}

/// The model, and a store that must do as it does.
struct Walk<S> {
    model: World<InMemory>,
    other: World<S>,
    orders: [Order; 3],
}

impl<S: Subject> Walk<S> {
    fn take(&mut self, step: &Step) -> String {
        let tasks = self.model.subject.0.every_task();
        let before = self.model.view();
        let came = self.model.take(step, &tasks, self.orders);
        assert_eq!(self.other.take(step, &tasks, self.orders), came, "{step:?}");
        let after = self.model.view();
        assert_eq!(self.other.view(), after, "{step:?}");
        let tasks_after = self.model.subject.0.every_task();
        check_tasks(&tasks_after);
        check_rows(&after);
        check_change(step, (&tasks, &before), (&tasks_after, &after));
        came
    }

    /// Runs everything until nothing is left to run.
    fn drain(&mut self) {
        for _ in 0..1_000 {
            let tasks = self.model.subject.0.every_task();
            if tasks.iter().any(|task| task.state == State::Running) {
                self.take(&Step::Finish { run: 0, end: End::Done });
            } else if let Some(wait) = self.model.next_due()
                && !tasks.iter().any(|task| task.state == State::Ready && task.due <= self.model.now())
            {
                self.take(&Step::Later(wait));
            } else if tasks.iter().any(|task| task.state.is_open()) {
                self.take(&Step::Claim { slots: 2, each: [1, 2, 2] });
            } else {
                return;
            }
        }
        panic!("there is always something left: {:#?}", self.model.view().tasks);
    }
}

/// What holds of all tasks at any time.
fn check_tasks(tasks: &[Task]) {
    let running: Vec<&Task> = tasks.iter().filter(|task| task.state == State::Running).collect();
    if running.iter().any(|task| task.is_suspect) {
        assert_eq!(running.len(), 1, "a suspect runs alone: {running:?}");
    }
    for task in tasks {
        let Some(lane) = &task.lane else {
            assert_ne!(task.state, State::Blocked, "there is nothing to wait for: {task:?}");
            continue;
        };
        let is_beside = |other: &&Task| {
            other.id != task.id
                && other.handler == task.handler
                && other.lane.as_ref().is_some_and(|other| other.key == lane.key)
        };
        let beside: Vec<State> = tasks.iter().filter(is_beside).map(|other| other.state).collect();
        if task.state == State::Running {
            assert!(!beside.contains(&State::Running), "two run in one lane: {task:?}");
        }
        if task.state == State::Blocked {
            let is_awaited = beside.contains(&State::Running) || beside.contains(&State::Ready);
            assert!(is_awaited, "nothing will free the lane: {task:?}");
        }
    }
}

/// What holds of everything that can be seen at any time.
fn check_rows(view: &View) {
    for row in &view.tasks {
        assert_eq!(row.finished_ms.is_none(), row.state.is_open(), "{row:?}");
        assert_eq!(row.why.is_some(), row.state == State::Parked, "{row:?}");
        assert_eq!(row.due_ms.is_some(), row.state == State::Ready, "{row:?}");
        let event = view.events.iter().find(|event| event.event_id == row.event_id).unwrap();
        if row.state.is_open() || row.state == State::Parked {
            assert!(event.has_body, "it may yet run: {row:?}");
        }
    }
}

/// What no step, or only some, may change.
fn check_change(step: &Step, before: (&[Task], &View), after: (&[Task], &View)) {
    let begins_anew = matches!(step, Step::Retry { .. } | Step::Replay { .. });
    let gives_back = matches!(step, Step::Finish { end: End::Released, .. });
    for old in before.0 {
        let Some(new) = after.0.iter().find(|new| new.id == old.id) else {
            assert!(matches!(step, Step::Prune { .. }) && !old.state.is_open(), "{step:?} {old:?}");
            continue;
        };
        assert!(new.fence >= old.fence, "{step:?} {old:?} {new:?}");
        assert!(new.attempt >= old.attempt || begins_anew || gives_back, "{step:?} {old:?} {new:?}");
        if new.state == State::Running && old.state != State::Running {
            assert_eq!((new.fence, new.attempt), (old.fence + 1, old.attempt + 1), "{step:?}");
        }
        if !old.state.is_open() && new.state.is_open() {
            let resumes = matches!(step, Step::Restart { .. }) && old.why == Some(Why::NoHandler);
            assert!(begins_anew || resumes, "{step:?} {old:?} {new:?}");
        }
    }
    for old in &before.1.events {
        match after.1.events.iter().find(|new| new.cursor == old.cursor) {
            Some(new) => {
                assert_eq!((&new.event_id, new.received_ms), (&old.event_id, old.received_ms));
                assert!(new.deliveries >= old.deliveries);
                assert!(new.has_body == old.has_body || matches!(step, Step::Prune { .. }));
            }
            None => assert!(matches!(step, Step::Prune { .. }), "{step:?} {old:?}"),
        }
    }
}

/// How many walks are taken, unless `PROPTEST_CASES` says otherwise.
fn walks() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

fn walk<S: Subject>(steps: &[Step], orders: [Order; 3], crash: bool) {
    let mut walk = Walk { model: World::new(), other: World::<S>::new(), orders };
    for step in steps {
        walk.take(step);
    }
    if crash {
        walk.take(&Step::Restart { handlers: 7 });
    }
    walk.drain();
}

fn orders() -> impl Strategy<Value = [Order; 3]> {
    uniform3(select(vec![None, Some(false), Some(true)]))
}

proptest! {
    #![proptest_config(walks())]

    /// The model keeps to its own rules, and begins after a crash where it was.
    #[test]
    fn the_model_keeps_the_rules(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<InMemory>(&steps, orders, crash);
    }

    #[test]
    fn sqlite_does_as_the_model(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<OnDisk>(&steps, orders, crash);
    }
}
