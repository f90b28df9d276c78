//! Random walks: a store does as the model does, and the model keeps the rules.

use std::collections::BTreeMap;

use proptest::array::uniform3;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

use super::*;

/// The handlers of a random walk.
const HANDLERS: [HandlerId; 3] = ["a", "b", "c"];

/// The secrets of a random walk: the label and the fingerprint.
const SECRETS: [(&str, &str); 3] = [("old", "00000001"), ("new", "00000002"), ("new", "00000003")];

/// The events of a random walk: the id, the type, the object, and when it happened.
const EVENTS: [(&str, &str, Option<&str>, Option<i64>); 13] = [
    ("evt_0", "charge.captured", Some("ch_1"), Some(20)),
    ("evt_1", "charge.updated", Some("ch_1"), Some(10)),
    ("evt_2", "charge.dispute.created", Some("ch_1"), Some(20)),
    ("evt_3", "charge.dispute.closed", Some("ch_1"), None),
    ("evt_4", "charge.updated", Some("ch_1"), Some(30)),
    ("evt_5", "payout.paid", Some("po_1"), Some(10)),
    ("evt_6", "payout.updated", Some("po_1"), Some(5)),
    ("evt_7", "balance.available", None, Some(15)),
    // Two that have the id of others.
    ("evt_7", "charge.deleted", Some("ch_1"), Some(20)),
    ("evt_5", "payout.paid", Some("po_2"), Some(10)),
    // The twins of others.
    ("evt_8", "v1.charge.captured", Some("ch_1"), Some(20)),
    ("evt_9", "v1.payout.paid", Some("po_1"), Some(10)),
    ("evt_6", "v1.balance.available", None, Some(15)),
];

/// The occurrence that an event reports, with its twin or alone.
fn occurrence(event_id: &str, event_type: &str) -> String {
    let id = match event_id {
        "evt_8" => "evt_0",
        "evt_9" => "evt_5",
        "evt_6" if event_type == "v1.balance.available" => "evt_7",
        id => id,
    };
    format!("{id}/{}", event_type.trim_start_matches("v1."))
}

/// Whether a handler takes both twins.
fn takes_both(handler: &str) -> bool {
    handler != "b"
}

/// The order of the handlers' runs.
#[derive(Clone, Copy, Debug)]
struct Orders {
    /// For each handler: `None`, or whether its lanes are strict.
    of_each: [Option<bool>; 3],
    /// Whether `b` shares the lanes of `a`, and therefore its order.
    grouped: bool,
}

impl Orders {
    fn of(&self, handler: usize) -> Option<bool> {
        self.of_each[if self.grouped && handler == 1 { 0 } else { handler }]
    }

    fn scope(&self, handler: usize) -> String {
        if self.grouped && handler < 2 { "*group".to_owned() } else { HANDLERS[handler].to_owned() }
    }
}

/// A step of a random walk. The index of a task counts modulo the number of tasks.
#[derive(Clone, Debug)]
enum Step {
    Record {
        event: usize,
        changed: bool,
        handlers: u8,
        at_once: StartMode,
        /// Through which it comes, and which of the handlers are this endpoint's.
        through: (&'static str, u8),
        /// Which of [`SECRETS`] signed it.
        secret: usize,
    },
    Claim {
        slots: usize,
        each: [usize; 3],
    },
    Finish {
        run: usize,
        end: Disposition,
    },
    /// With a ticket that was used, or is void.
    FinishOld {
        task: usize,
        end: Disposition,
    },
    ClearSuspect(usize),
    Later(Duration),
    Restart {
        handlers: u8,
    },
    Quarantine(u8),
    /// Of the secrets in [`SECRETS`].
    NoteSecrets(u8),
    Prune {
        keep: Retention,
        cursor: i64,
    },
    Retry {
        task: usize,
        handlers: u8,
    },
    Skip(usize),
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
        12 => (event(), any::<bool>(), 0..8_u8, start_mode(), through(), 0..SECRETS.len()).prop_map(
            |(event, changed, handlers, at_once, through, secret)| {
                Step::Record { event, changed, handlers, at_once, through, secret }
            }),
        12 => (0..5_usize, uniform3(prop_oneof![2 => Just(5), 1 => 0..3_usize]))
            .prop_map(|(slots, each)| Step::Claim { slots, each }),
        16 => (any::<usize>(), end(delay.clone())).prop_map(|(run, end)| Step::Finish { run, end }),
        1 => (any::<usize>(), end(delay)).prop_map(|(task, end)| Step::FinishOld { task, end }),
        2 => any::<usize>().prop_map(Step::ClearSuspect),
        6 => later.prop_map(Step::Later),
        4 => present().prop_map(|handlers| Step::Restart { handlers }),
        1 => (0..3_u8).prop_map(Step::Quarantine),
        1 => (0..8_u8).prop_map(Step::NoteSecrets),
        2 => (retention, 0..6_i64).prop_map(|(keep, cursor)| Step::Prune { keep, cursor }),
        2 => (any::<usize>(), present()).prop_map(|(task, handlers)| Step::Retry { task, handlers }),
        2 => any::<usize>().prop_map(Step::Skip),
        3 => (event(), 0..8_u8).prop_map(|(event, handlers)| Step::Replay { event, handlers }),
        2 => filter().prop_map(Step::List),
    ]
}

fn start_mode() -> impl Strategy<Value = StartMode> {
    select(vec![StartMode::No, StartMode::IfFree, StartMode::Awaited])
}

/// An endpoint, and which handlers are its own: often none, as in a program with one endpoint.
fn through() -> impl Strategy<Value = (&'static str, u8)> {
    (select(vec!["/stripe", "/stripe", "connect", "other"]), prop_oneof![Just(0), 0..8_u8])
}

fn end(delay: impl Strategy<Value = Duration> + 'static) -> impl Strategy<Value = Disposition> {
    prop_oneof![
        4 => Just(Disposition::Done),
        1 => Just(skipped()),
        4 => delay.prop_map(again_after),
        1 => select(vec![ParkReason::Asked, ParkReason::Exhausted, ParkReason::Undecodable])
            .prop_map(|why| Disposition::Parked { why, error: "parked".to_owned() }),
        2 => Just(Disposition::Released),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    use proptest::option::weighted;

    let states = vec![State::Ready, State::Blocked, State::Running, State::Done, State::Parked];
    let types = vec!["charge.*", "charge.dispute.*", "charge.updated", "payout", "*"];
    (
        vec((0..8).prop_map(|event| format!("evt_{event}")), 0..3),
        weighted(0.3, select(types).prop_map(str::to_owned)),
        weighted(0.3, select(HANDLERS.to_vec()).prop_map(str::to_owned)),
        weighted(0.3, select(states)),
        weighted(0.2, select(vec![ParkReason::Asked, ParkReason::Poison, ParkReason::NoHandler])),
        weighted(0.3, select(vec![START, START + 1, START + 2_000, START + 200_000_000])),
        [weighted(0.3, 0..20_i64), weighted(0.3, 0..20_i64)],
        0..10_usize,
    )
        .prop_map(|(event_ids, event_type, handler, state, why, since, [after, before], limit)| Filter {
            event_ids,
            event_type,
            handler,
            state,
            why,
            since,
            after,
            before,
            limit,
            ..Filter::default()
        })
}

/// Everything that callers can see of a store.
#[derive(Debug, PartialEq)]
struct View {
    tasks: Vec<TaskRow>,
    events: Vec<EventRow>,
    attempts: Vec<AttemptRow>,
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
        let events = self.done(|store| store.events(everything()));
        let ids: std::collections::BTreeSet<String> =
            events.iter().map(|event| event.event_id.clone()).collect();
        let stored = ids.into_iter().flat_map(|id| self.done(|store| store.events_with_id(id)));
        View {
            tasks: self.done(|store| store.tasks(everything())),
            attempts: stored.flat_map(|stored| stored.attempts).collect(),
            events,
            quarantined,
            stats: self.stats(),
        }
    }

    /// Takes a step, given all tasks. Returns what came of it.
    fn take(&mut self, step: &Step, tasks: &[Task], orders: Orders) -> String {
        let chosen = |which: usize| (!tasks.is_empty()).then(|| &tasks[which % tasks.len()]);
        match step.clone() {
            Step::Record { event, changed, handlers, at_once, through: (endpoint, own), secret } => {
                let (id, event_type, object, created) = EVENTS[event];
                let mut tasks = walking_tasks(event, handlers, at_once, orders);
                for index in members(own) {
                    let its = tasks.iter_mut().filter(|task| task.handler == HANDLERS[index]);
                    its.for_each(|task| task.is_of_endpoint = true);
                }
                let (object_id, came_by) = (object.map(str::to_owned), signed_by(endpoint, secret));
                let plain = NewEvent { object_id, came_by, ..arrival(id, &tasks) };
                let event = super::changed(plain, |envelope| {
                    envelope.event_type = event_type.to_owned();
                    envelope.created = created.map(Timestamp::from_unix_seconds);
                    if changed {
                        envelope.body = Bytes::from_static(b"{}");
                    }
                });
                let recorded = self.done(|store| store.record(event));
                match recorded {
                    RecordResult::New { started, id_is_reused, known_occurrences } => {
                        format!("started {:?} {id_is_reused} {known_occurrences}", shown(&started))
                    }
                    RecordResult::Duplicate { started, added, same_body } => {
                        format!("started {:?} of {added} added, {same_body}", shown(&started))
                    }
                }
            }
            Step::Claim { slots, each } => {
                let handlers: Vec<(HandlerId, usize)> = HANDLERS.into_iter().zip(each).collect();
                let claimed = self.done(|store| store.claim(capacity(slots, &handlers)));
                assert!(claimed.claims.len() <= slots);
                for (handler, left) in handlers {
                    let of_it = claimed.claims.iter().filter(|claim| claim.handler == handler);
                    assert!(of_it.count() <= left, "{handler}");
                }
                format!("claimed {:?}, next in {:?}", shown(&claimed.claims), claimed.next_claim)
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
            Step::ClearSuspect(task) => {
                let Some(task) = chosen(task) else { return String::new() };
                self.done(|store| store.clear_suspect(Ticket { task: task.id, fence: task.fence }));
                String::new()
            }
            Step::Later(by) => {
                self.later(by);
                String::new()
            }
            Step::Restart { handlers } => format!("{:?}", self.restart(&named(handlers))),
            Step::Quarantine(body) => {
                let body = Bytes::from(vec![body; 1 + usize::from(body)]);
                self.done(|store| store.quarantine(body, "no object".to_owned(), signed_by("/stripe", 0)))
                    .to_string()
            }
            Step::NoteSecrets(set) => {
                let configured = members(set).map(|secret| signed_by("/stripe", secret)).collect();
                self.done(|store| store.note_secrets(configured));
                String::new()
            }
            Step::Prune { keep, cursor } => format!("{:?}", self.done(|store| store.prune(keep, cursor))),
            Step::Retry { task, handlers } => {
                format!("{:?}", chosen(task).map(|task| self.retry_of(task.id, &named(handlers))))
            }
            Step::Skip(task) => format!("{:?}", chosen(task).map(|task| self.skip(task.id))),
            Step::Replay { event, handlers } => {
                let tasks = walking_tasks(event, handlers, StartMode::No, orders);
                let (id, event_type, object, _) = EVENTS[event];
                let is_meant = |row: &&EventRow| {
                    row.event_id == id && row.event_type == event_type && row.object_id.as_deref() == object
                };
                let events = self.done(|store| store.events(everything()));
                let cursor = events.iter().find(is_meant).map_or(-1, |row| row.cursor);
                format!("{:?}", self.done(|store| store.replay(cursor, tasks)))
            }
            Step::List(filter) => {
                let tasks = self.done(|store| store.tasks(filter.clone()));
                let events = self.done(|store| store.events(filter.clone()));
                let first = filter.event_ids.first().cloned().unwrap_or_default();
                format!("{tasks:?} {events:?} {:?}", self.done(|store| store.events_with_id(first)))
            }
        }
    }
}

fn signed_by(endpoint: &str, secret: usize) -> CameBy {
    let (label, fingerprint) = SECRETS[secret];
    came_by_another(endpoint, label, fingerprint)
}

fn members(set: u8) -> impl Iterator<Item = usize> {
    (0..HANDLERS.len()).filter(move |index| set & (1 << index) != 0)
}

fn named(set: u8) -> Vec<HandlerId> {
    members(set).map(|index| HANDLERS[index]).collect()
}

fn walking_tasks(event: usize, handlers: u8, at_once: StartMode, orders: Orders) -> Vec<NewTask> {
    let (id, event_type, object, created) = EVENTS[event];
    let task = |index: usize| {
        let lane = orders.of(index).zip(object).map(|(strict, key)| Lane { key: key.to_owned(), strict });
        NewTask {
            handler: HANDLERS[index],
            scope: orders.scope(index).into(),
            object: object.map(|object| format!("|{object}")),
            moment: moment(event_type, created),
            // What is awaited waits for no other.
            lane: lane.filter(|_| at_once != StartMode::Awaited),
            at_once,
            is_of_endpoint: false,
            occurrence: takes_both(HANDLERS[index])
                .then(|| format!("{}/{object:?}", occurrence(id, event_type))),
        }
    };
    members(handlers).map(task).collect()
}

/// All fields of the claims.
fn shown(claims: &[Claim]) -> Vec<impl std::fmt::Debug> {
    let show = |claim: &Claim| {
        let Claim { ticket, handler, endpoint, attempt, is_replay, is_stale, overdue, body } = claim.clone();
        (ticket, handler, endpoint, attempt, is_replay, is_stale, overdue, body)
    };
    claims.iter().map(show).collect()
}

/// The model, and a store that must do the same.
struct Walk<S> {
    model: World<InModel>,
    other: World<S>,
    orders: Orders,
}

impl<S: Subject> Walk<S> {
    fn take(&mut self, step: &Step) -> String {
        let tasks = self.model.subject.store.every_task();
        let before = self.model.view();
        let came = self.model.take(step, &tasks, self.orders);
        assert_eq!(self.other.take(step, &tasks, self.orders), came, "{step:?}");
        let after = self.model.view();
        assert_eq!(self.other.view(), after, "{step:?}");
        let tasks_after = self.model.subject.store.every_task();
        check_tasks(&tasks_after);
        check_rows(&after);
        check_change(step, (&tasks, &before), (&tasks_after, &after));
        came
    }

    /// Runs everything until nothing is left to run.
    fn drain(&mut self) {
        for _ in 0..1_000 {
            let tasks = self.model.subject.store.every_task();
            if tasks.iter().any(|task| task.state == State::Running) {
                self.take(&Step::Finish { run: 0, end: Disposition::Done });
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
    let suspects = tasks.iter().filter(|task| task.is_suspect && task.state == State::Running);
    assert!(suspects.count() <= 1, "suspects run one after the other: {tasks:?}");
    check_lanes(tasks);
}

/// What holds of all lanes at any time, whichever instances run their tasks.
pub(super) fn check_lanes(tasks: &[Task]) {
    for task in tasks {
        let Some(lane) = &task.lane else {
            assert_ne!(task.state, State::Blocked, "there is nothing to wait for: {task:?}");
            continue;
        };
        let is_beside = |other: &&Task| {
            other.id != task.id
                && other.scope == task.scope
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
    check_occurrences(view);
    for row in &view.tasks {
        assert_eq!(row.finished_ms.is_none(), row.state.is_open(), "{row:?}");
        assert_eq!(row.why.is_some(), row.state == State::Parked, "{row:?}");
        assert_eq!(row.due_ms.is_some(), row.state == State::Ready, "{row:?}");
        if row.state.is_open() || row.state == State::Parked {
            let is_its =
                |event: &&EventRow| (&event.event_id, &event.event_type) == (&row.event_id, &row.event_type);
            let has_body = view.events.iter().filter(is_its).any(|event| event.has_body);
            assert!(has_body, "it may yet run: {row:?}");
        }
    }
}

/// No handler has a task of both twins.
fn check_occurrences(view: &View) {
    let mut had = BTreeMap::new();
    for row in view.tasks.iter().filter(|row| takes_both(&row.handler)) {
        let object = view.events.iter().find(|event| event.cursor == row.cursor);
        let object = object.map(|event| &event.object_id);
        let key = (&row.handler, occurrence(&row.event_id, &row.event_type), object);
        assert_eq!(had.insert(key, row.task), None, "{row:?}");
    }
}

/// What no step, or only some, may change.
fn check_change(step: &Step, before: (&[Task], &View), after: (&[Task], &View)) {
    let begins_anew = matches!(step, Step::Retry { .. } | Step::Replay { .. });
    let gives_back = matches!(step, Step::Finish { end: Disposition::Released, .. });
    let is_alone = |task: &Task| task.is_suspect && task.crashes >= ACCUSED && task.state == State::Running;
    let one_is_alone = before.0.iter().any(is_alone);
    let is_awaited = matches!(step, Step::Record { at_once: StartMode::Awaited, .. });
    for old in before.0 {
        let Some(new) = after.0.iter().find(|new| new.id == old.id) else {
            assert!(matches!(step, Step::Prune { .. }) && !old.state.is_open(), "{step:?} {old:?}");
            continue;
        };
        assert!(new.fence >= old.fence, "{step:?} {old:?} {new:?}");
        assert!(new.attempt >= old.attempt || begins_anew || gives_back, "{step:?} {old:?} {new:?}");
        if new.state == State::Running && old.state != State::Running {
            assert!(!one_is_alone, "beside one that is accused: {step:?} {new:?}");
            assert_eq!((new.fence, new.attempt), (old.fence + 1, old.attempt + 1), "{step:?}");
        }
        if !old.state.is_open() && new.state.is_open() {
            let resumes = matches!(step, Step::Restart { .. }) && old.why == Some(ParkReason::NoHandler);
            assert!(begins_anew || resumes, "{step:?} {old:?} {new:?}");
        }
    }
    for new in after.0.iter().filter(|new| before.0.iter().all(|old| old.id != new.id)) {
        let may_run = is_awaited || !one_is_alone;
        assert!(may_run || new.state != State::Running, "beside one that is accused: {step:?} {new:?}");
    }
    check_new_tasks(step, before, after);
    for old in &before.1.events {
        match after.1.events.iter().find(|new| new.cursor == old.cursor) {
            Some(new) => {
                assert_eq!((&new.event_id, new.received_ms), (&old.event_id, old.received_ms));
                assert!(new.deliveries >= old.deliveries);
                assert!(new.endpoints.starts_with(&old.endpoints), "{step:?} {old:?} {new:?}");
                let gets_body = !old.has_body && matches!(step, Step::Record { .. });
                assert!(new.has_body == old.has_body || gets_body || matches!(step, Step::Prune { .. }));
            }
            None => assert!(matches!(step, Step::Prune { .. }), "{step:?} {old:?}"),
        }
    }
}

/// A known event gets tasks only when it comes through an endpoint for the first time, or is replayed; and no handler
/// has two tasks of one event.
fn check_new_tasks(step: &Step, before: (&[Task], &View), after: (&[Task], &View)) {
    let endpoints = |view: &View, cursor| {
        view.events.iter().find(|row| row.cursor == cursor).map_or(0, |row| row.endpoints.len())
    };
    for new in after.0.iter().filter(|new| before.0.iter().all(|old| old.id != new.id)) {
        let comes_through_another = endpoints(after.1, new.event) > endpoints(before.1, new.event);
        assert!(comes_through_another || matches!(step, Step::Replay { .. }), "{step:?} {new:?}");
        let of_handler = after.0.iter().filter(|task| (task.event, task.handler) == (new.event, new.handler));
        assert_eq!(of_handler.count(), 1, "{step:?} {new:?}");
    }
}

/// The number of walks, unless `PROPTEST_CASES` says otherwise.
pub(super) fn walks() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

fn walk<S: Subject>(steps: &[Step], orders: Orders, crash: bool) {
    let mut walk = Walk { model: World::new(), other: World::<S>::new(), orders };
    for step in steps {
        walk.take(step);
    }
    if crash {
        walk.take(&Step::Restart { handlers: 7 });
    }
    walk.drain();
}

fn orders() -> impl Strategy<Value = Orders> {
    let of_each = uniform3(select(vec![None, Some(false), Some(true)]));
    (of_each, any::<bool>()).prop_map(|(of_each, grouped)| Orders { of_each, grouped })
}

proptest! {
    #![proptest_config(walks())]

    /// The model keeps its own rules, and goes on after a crash where it was.
    #[test]
    fn the_model_keeps_the_rules(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<InModel>(&steps, orders, crash);
    }

    #[test]
    fn sqlite_in_memory_does_as_the_model(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<InMemory>(&steps, orders, crash);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_does_as_the_model(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<InPostgres>(&steps, orders, crash);
    }

    #[test]
    fn sqlite_on_disk_does_as_the_model(steps in vec(step(), 1..60), orders in orders(), crash: bool) {
        walk::<OnDisk>(&steps, orders, crash);
    }
}
