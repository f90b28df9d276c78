//! What an operator reads and changes.

use super::super::*;

on_every_store! {
    a_replay_runs_what_is_done_again,
    a_replay_leaves_open_tasks_alone,
    a_replay_reaches_a_new_handler,
    a_replay_needs_the_body,
    a_retry_by_hand_begins_anew,
    a_retry_is_of_handlers_that_there_are,
    a_skip_lets_the_lane_go_on,
    stats_count_everything,
    tasks_are_listed_page_by_page,
    tasks_are_filtered,
    events_are_listed_and_filtered,
    rows_are_filtered_by_what_the_event_is_about,
    an_event_shows_its_body_and_tasks,
}

fn a_replay_runs_what_is_done_again(world: World<impl Subject>) {
    let tasks = [free("done"), free("skipped"), serial("parked")];
    world.record("evt_1", &tasks);
    let claims = world.claim(10);
    world.finish_each(&claims[..1], &Disposition::Done);
    world.finish_each(&claims[1..2], &skipped());
    world.finish_each(&claims[2..], &parked());
    world.later(SECOND);
    assert_eq!(world.replay("evt_1", &tasks.map(at_once)), Replayed::Ready(3));
    assert_eq!(world.states(), [State::Ready; 3], "a replay starts nothing itself");
    for row in world.tasks() {
        assert_eq!((row.attempt, row.finished_ms, row.error, row.why), (0, None, None, None));
        assert_eq!(row.due_ms, Some(START + 1_000));
    }
    let claims = world.claim(10);
    assert_eq!(claims.len(), 3);
    assert!(claims.iter().all(|claim| claim.is_replay && claim.attempt == 1 && claim.ticket.fence == 2));
}

fn a_replay_leaves_open_tasks_alone(world: World<impl Subject>) {
    let tasks = [serial("running"), free("waiting")];
    world.record("evt_0", &tasks[..1]);
    world.record("evt_1", &tasks);
    for claim in world.claim(10) {
        if claim.handler == "waiting" {
            world.finish(&claim, again_after(SECOND));
        }
    }
    assert_eq!(world.states(), [State::Running, State::Blocked, State::Ready]);
    let before = world.tasks();
    assert_eq!(world.replay("evt_0", &tasks[..1]), Replayed::Ready(0));
    assert_eq!(world.replay("evt_1", &tasks), Replayed::Ready(0));
    assert_eq!(world.tasks(), before);
}

fn a_replay_reaches_a_new_handler(world: World<impl Subject>) {
    world.record("evt_1", &[free("old")]);
    world.finish(&world.claim_one(), Disposition::Done);
    assert_eq!(world.replay("evt_1", &[serial("new")]), Replayed::Ready(1));
    assert_eq!(world.states(), [State::Done, State::Ready]);
    let claim = world.claim_one();
    assert_eq!((claim.handler, claim.attempt, claim.is_replay), ("new", 1, true));
    // It has its place in the lane.
    world.record("evt_2", &[serial("new")]);
    assert!(world.claim(10).is_empty());
}

fn a_replay_needs_the_body(world: World<impl Subject>) {
    assert_eq!(world.replay("evt_1", &[free("a")]), Replayed::Unknown);
    world.record("evt_1", &[free("a")]);
    world.record("evt_2", &[]);
    assert_eq!(world.replay("evt_2", &[free("a")]), Replayed::NoBody);
    world.finish(&world.claim_one(), Disposition::Done);
    world.later(8 * DAY);
    world.prune();
    assert_eq!(world.replay("evt_1", &[free("a")]), Replayed::NoBody);
    assert_eq!(world.states(), [State::Done]);
    world.later(30 * DAY);
    world.prune();
    assert_eq!(world.replay("evt_1", &[free("a")]), Replayed::Unknown);
}

fn a_retry_by_hand_begins_anew(world: World<impl Subject>) {
    world.record("evt_1", &[free("waiting"), free("parked"), free("done"), free("skipped"), free("running")]);
    for claim in world.claim(10) {
        let end = match claim.handler {
            "waiting" => again_after(DAY),
            "parked" => parked(),
            "done" => Disposition::Done,
            "skipped" => skipped(),
            _ => continue,
        };
        world.finish(&claim, end);
    }
    world.record("evt_2", &[serial("a")]);
    world.record("evt_3", &[serial("a")]);
    assert_eq!(world.claim_ids(10), [6]);
    assert_eq!(world.task(7).state, State::Blocked);
    world.later(SECOND);
    let retried = [1, 2, 3, 4, 5, 6, 7, 99].map(|task| world.retry(task));
    assert_eq!(retried, [true, true, false, false, false, false, true, false]);
    for task in [1, 2, 7] {
        let row = world.task(task);
        assert_eq!((row.state, row.why, row.attempt), (State::Ready, None, 0));
        assert_eq!((row.due_ms, row.finished_ms), (Some(START + 1_000), None));
    }
    assert_eq!(world.task(2).error.as_deref(), Some("failed for good"), "until it is done");
    let claims = world.claim(10);
    assert_eq!(
        claims.iter().map(|claim| claim.ticket.task).collect::<Vec<_>>(),
        [1, 2],
        "the lane is taken still"
    );
    assert!(claims.iter().all(|claim| claim.attempt == 1 && claim.ticket.fence == 2 && !claim.is_replay));
}

fn a_retry_is_of_handlers_that_there_are(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("gone")]);
    world.restart(&["here"]);
    let before = world.tasks();
    assert_eq!((before[0].state, before[0].why), (State::Parked, Some(ParkReason::NoHandler)));
    assert!(!world.retry_of(1, &["here"]), "no handler would run it");
    assert_eq!(world.tasks(), before);
    assert!(world.retry_of(1, &["here", "gone"]));
    assert_eq!(world.states(), [State::Ready]);
}

fn a_skip_lets_the_lane_go_on(world: World<impl Subject>) {
    for event in 1..=3 {
        world.record(&format!("evt_{event}"), &[strict("a")]);
    }
    let claim = world.claim_one();
    assert!(!world.skip(1), "it runs");
    world.finish(&claim, again_after(DAY));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.states(), [State::Ready, State::Blocked, State::Blocked]);
    world.later(SECOND);
    assert!(world.skip(1));
    let given_up = world.task(1);
    assert_eq!((given_up.state, given_up.error.as_deref()), (State::Skipped, Some("not wanted")));
    assert_eq!((given_up.finished_ms, given_up.why), (Some(START + 1_000), None));
    let claim = world.claim_one();
    assert_eq!(claim.ticket.task, 2);
    assert!(world.skip(3), "a blocked one");
    world.finish(&claim, parked());
    assert!(world.skip(2), "a parked one");
    assert_eq!((world.task(2).state, world.task(2).why), (State::Skipped, None));
    assert!(!world.skip(2) && !world.skip(99));
    world.finish_each(&world.claim(10), &Disposition::Done);
    assert_eq!(world.states(), [State::Skipped; 3]);
}

fn stats_count_everything(mut world: World<impl Subject>) {
    assert_eq!(world.stats(), Stats::default());
    let used = SecretRow {
        endpoint: "/stripe".to_owned(),
        secret: "new".to_owned(),
        fingerprint: "47f0b1f8".to_owned(),
        last_configured_ms: START,
        last_used_ms: Some(START),
    };
    world.record("evt_1", &[free("b"), free("a")]);
    world.record("evt_2", &[free("a")]);
    world.record("evt_3", &[free("a")]);
    world.record("evt_4", &[]);
    world.record("evt_5", &[free("gone")]);
    world.again(arrival("evt_1", &[]));
    world.again(arrival("evt_4", &[]));
    let [b, a1, a2, a3, gone] = &world.claim(10)[..] else { panic!("five tasks") };
    world.finish(b, Disposition::Done);
    world.finish(a1, again_after(SECOND));
    world.finish(a2, parked());
    world.finish(a3, Disposition::Parked { why: ParkReason::Asked, error: String::new() });
    world.finish(gone, again_after(SECOND));
    world.restart(&["a", "b"]);
    assert_eq!(world.stats().oldest_due_ms, None);
    world.later(3 * SECOND);
    let group =
        |handler: &str, state, why| HandlerStats { handler: handler.to_owned(), state, why, tasks: 1 };
    let expected = Stats {
        is_estimated: false,
        events: 5,
        unhandled: 1,
        duplicates: 2,
        changed_bodies: 0,
        quarantined: 0,
        oldest_due_ms: Some(2_000),
        handlers: vec![
            group("a", State::Ready, None),
            group("a", State::Parked, Some(ParkReason::Asked)),
            group("a", State::Parked, Some(ParkReason::Exhausted)),
            group("b", State::Done, None),
            group("gone", State::Parked, Some(ParkReason::NoHandler)),
        ],
        secrets: vec![used],
    };
    assert_eq!(world.stats(), expected);
}

fn tasks_are_listed_page_by_page(world: World<impl Subject>) {
    for event in 1..=3 {
        world.record(&format!("evt_{event}"), &[free("a"), free("b")]);
    }
    let page = |after, limit| {
        let rows = world.done(|store| store.tasks(Filter { after, limit, ..Filter::default() }));
        rows.iter().map(|row| row.task).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 4), [6, 5, 4, 3]);
    assert_eq!(page(Some(3), 4), [2, 1]);
    assert!(page(Some(1), 4).is_empty());
    assert!(page(None, 0).is_empty());
}

fn tasks_are_filtered(world: World<impl Subject>) {
    let of = |event_id: &str, event_type: &str, tasks: &[NewTask]| {
        world.arrive(changed(arrival(event_id, tasks), |it| it.event_type = event_type.to_owned()));
        world.later(SECOND);
    };
    of("evt_1", "charge.dispute.created", &[free("a"), free("b")]);
    of("evt_2", "charge.dispute.closed", &[free("a")]);
    of("evt_3", "charge.disputed", &[free("a")]);
    of("evt_4", "charge_dispute_created", &[free("b")]);
    let claims = world.claim(2);
    world.finish(&claims[0], parked());
    world.finish(&claims[1], Disposition::Done);
    let list = |filter: Filter| {
        let rows = world.done(|store| store.tasks(Filter { limit: 10, ..filter }));
        rows.iter().map(|row| row.task).collect::<Vec<_>>()
    };
    let all = Filter::default;
    assert_eq!(list(all()), [5, 4, 3, 2, 1]);
    let of_type = |wanted: &str| Filter { event_type: Some(wanted.to_owned()), ..all() };
    assert_eq!(list(of_type("charge.dispute.*")), [3, 2, 1]);
    assert_eq!(list(of_type("charge.dispute.closed")), [3]);
    assert_eq!(list(of_type("charge_dispute_*")), [5]);
    assert_eq!(list(of_type("*")), [5, 4, 3, 2, 1]);
    assert!(list(of_type("charge.dispute")).is_empty());
    let of_events =
        |ids: &[&str]| Filter { event_ids: ids.iter().map(|&id| id.to_owned()).collect(), ..all() };
    assert_eq!(list(of_events(&["evt_1", "evt_4", "evt_9"])), [5, 2, 1]);
    assert_eq!(list(Filter { handler: Some("b".to_owned()), ..all() }), [5, 2]);
    assert_eq!(list(Filter { state: Some(State::Done), ..all() }), [2]);
    assert_eq!(list(Filter { state: Some(State::Ready), ..all() }), [5, 4, 3]);
    assert_eq!(list(Filter { why: Some(ParkReason::Exhausted), ..all() }), [1]);
    assert!(list(Filter { why: Some(ParkReason::Asked), ..all() }).is_empty());
    assert_eq!(list(Filter { since: Some(START + 2_000), ..all() }), [5, 4]);
    let handler = Some("a".to_owned());
    assert_eq!(list(Filter { handler, after: Some(4), ..of_type("charge.*") }), [3, 1]);
    assert_eq!(list(Filter { after: Some(5), before: Some(2), ..all() }), [4, 3]);
}

fn events_are_listed_and_filtered(world: World<impl Subject>) {
    for (event, event_type) in ["charge.captured", "charge.dispute.created", "payout.paid"].iter().enumerate()
    {
        let sent = arrival(&format!("evt_{event}"), &[]);
        world.arrive(changed(sent, |it| it.event_type = (*event_type).to_owned()));
        world.later(SECOND);
    }
    let list = |filter: Filter| {
        let rows = world.done(|store| store.events(filter));
        rows.iter().map(|row| row.cursor).collect::<Vec<_>>()
    };
    assert_eq!(list(everything()), [3, 2, 1]);
    assert_eq!(list(Filter { limit: 2, ..everything() }), [3, 2]);
    assert_eq!(list(Filter { after: Some(2), ..everything() }), [1]);
    assert_eq!(list(Filter { before: Some(1), ..everything() }), [3, 2]);
    assert_eq!(list(Filter { event_type: Some("charge.*".to_owned()), ..everything() }), [2, 1]);
    assert_eq!(list(Filter { event_ids: vec!["evt_2".to_owned()], ..everything() }), [3]);
    assert_eq!(list(Filter { since: Some(START + 1_000), ..everything() }), [3, 2]);
    let of_tasks = Filter { handler: Some("a".to_owned()), state: Some(State::Done), ..everything() };
    assert_eq!(list(Filter { why: Some(ParkReason::Asked), ..of_tasks }), [3, 2, 1], "these do not matter");
}

/// Which event of each task, and which event, is about an object, a customer or an account.
fn rows_are_filtered_by_what_the_event_is_about(world: World<impl Subject>) {
    let body = |event: &str, object: &str| {
        Bytes::from(format!(r#"{{"id":"{event}","data":{{"object":{object}}}}}"#))
    };
    for (event, object_id, account, object) in [
        ("evt_1", "cus_1", None, r#"{"id":"cus_1"}"#),
        ("evt_2", "in_1", None, r#"{"id":"in_1","customer":"cus_1"}"#),
        ("evt_3", "in_1", Some("acct_1"), r#"{"id":"in_1","customer":{"id":"cus_1"}}"#),
        ("evt_4", "in_2", Some("acct_2"), r#"{"id":"in_2","customer":"cus_10","note":"cus_1"}"#),
        ("evt_5", "in_3", None, r#"{"id":"in_3","customer":null}"#),
        ("evt_6", "in_4", None, r#"{"id":"in_4"}"#),
    ] {
        let (object_id, account) = (Some(object_id.to_owned()), account.map(str::to_owned));
        let sent = NewEvent { object_id, ..arrival(event, &[free("a")]) };
        world.arrive(changed(sent, |it| {
            it.account = account;
            it.body = body(event, object);
        }));
    }
    // Without a handler its body is not kept, and its customer is not known.
    let unkept = body("evt_7", r#"{"id":"in_1","customer":"cus_1"}"#);
    let sent = NewEvent { object_id: Some("in_1".to_owned()), ..arrival("evt_7", &[]) };
    world.arrive(changed(sent, |it| it.body = unkept));
    let some = |text: &str| Some(text.to_owned());
    let (all, none) = (Filter { limit: 10, ..Filter::default() }, &[][..]);
    for (filter, events, tasks) in [
        (Filter { object_id: some("in_1"), ..all.clone() }, &[7, 3, 2][..], &[3, 2][..]),
        (Filter { object_id: some("in_9"), ..all.clone() }, none, none),
        (Filter { customer: some("cus_1"), ..all.clone() }, &[3, 2, 1], &[3, 2, 1]),
        (Filter { customer: some("cus_10"), ..all.clone() }, &[4], &[4]),
        (Filter { customer: some("cus_"), ..all.clone() }, none, none),
        (Filter { account: some("acct_1"), ..all.clone() }, &[3], &[3]),
        (Filter { account: some("acct_1"), customer: some("cus_10"), ..all.clone() }, none, none),
    ] {
        let found = world.done(|store| store.events(filter.clone()));
        assert_eq!(found.iter().map(|row| row.cursor).collect::<Vec<_>>(), events, "{filter:?}");
        let found = world.done(|store| store.tasks(filter.clone()));
        assert_eq!(found.iter().map(|row| row.task).collect::<Vec<_>>(), tasks, "{filter:?}");
    }
}

fn an_event_shows_its_body_and_tasks(world: World<impl Subject>) {
    assert!(world.stored("evt_1").is_none());
    world.record("evt_0", &[free("a")]);
    world.record("evt_1", &[free("b"), free("a")]);
    let stored = world.stored("evt_1").unwrap();
    assert_eq!(stored.event.event_id, "evt_1");
    assert_eq!(stored.body.as_deref(), Some(r#"{"id":"evt_1"}"#));
    assert_eq!(stored.tasks, &world.tasks()[1..]);
    world.record("evt_2", &[]);
    let stored = world.stored("evt_2").unwrap();
    assert!(stored.body.is_none() && stored.tasks.is_empty());
}
