//! Storing events: duplicates, what starts at once, staleness, and the quarantine.

use super::super::*;

on_every_store! {
    an_event_is_stored_with_its_tasks,
    an_event_without_tasks_is_known_without_its_body,
    a_duplicate_changes_nothing_in_any_state,
    a_duplicate_of_what_was_started_starts_nothing,
    a_changed_body_is_counted_and_not_kept,
    an_id_with_another_type_or_object_is_an_event_of_its_own,
    an_id_is_not_given_out_again,
    record_starts_what_may_run,
    a_newer_event_that_is_done_makes_an_older_one_stale,
    staleness_is_shared_by_a_group,
    within_a_second_what_was_created_is_stale_after_any_other,
    quarantine_tells_duplicates_by_the_body,
    an_event_that_cannot_be_kept_is_refused,
}

fn an_event_is_stored_with_its_tasks(world: World<impl Subject>) {
    let sent =
        changed(created("evt_1", 7, &[free("a"), free("b")]), |it| it.account = Some("acct_1".to_owned()));
    assert!(world.arrive(sent).is_empty());
    let task = |task, handler: &str| TaskRow {
        task,
        cursor: 1,
        event_id: "evt_1".to_owned(),
        event_type: "charge.succeeded".to_owned(),
        handler: handler.to_owned(),
        state: State::Ready,
        why: None,
        attempt: 0,
        received_ms: START,
        due_ms: Some(START),
        finished_ms: None,
        started_ms: None,
        error: None,
    };
    assert_eq!(world.tasks(), [task(1, "a"), task(2, "b")]);
    let event = EventRow {
        cursor: 1,
        event_id: "evt_1".to_owned(),
        event_type: "charge.succeeded".to_owned(),
        endpoints: vec![EndpointRow {
            endpoint: "/stripe".to_owned(),
            secret: "new".to_owned(),
            received_ms: START,
        }],
        account: Some("acct_1".to_owned()),
        object_id: Some("ch_1".to_owned()),
        created: Some(7),
        api_version: Some("2025-01-27.acacia".to_owned()),
        livemode: false,
        received_ms: START,
        deliveries: 1,
        changed_bodies: 0,
        has_body: true,
    };
    assert_eq!(world.done(|store| store.events(everything())), [event]);
    let claim = &world.claim(1)[0];
    assert_eq!((claim.handler, &*claim.endpoint, claim.attempt), ("a", "/stripe", 1));
    assert_eq!(claim.ticket, Ticket { task: 1, fence: 1 });
    assert_eq!(claim.body, r#"{"id":"evt_1"}"#);
    assert!(!claim.is_replay && !claim.is_stale);
}

fn an_event_without_tasks_is_known_without_its_body(world: World<impl Subject>) {
    world.record("evt_1", &[]);
    assert!(!world.event("evt_1").unwrap().has_body);
    assert!(world.again(arrival("evt_1", &[])));
    // A handler that was added since is not run on an old delivery.
    assert!(world.again(arrival("evt_1", &[free("a")])));
    assert!(world.tasks().is_empty());
    assert_eq!(world.stats().unhandled, 1);
}

fn a_duplicate_changes_nothing_in_any_state(world: World<impl Subject>) {
    let tasks = ["done", "skipped", "parked", "waiting", "running"].map(free);
    world.record("evt_0", &[in_lane("blocked", "k", false)]);
    world.record("evt_1", &[&tasks[..], &[in_lane("blocked", "k", false)]].concat());
    for claim in world.claim(10) {
        let end = match claim.handler {
            "done" => Disposition::Done,
            "skipped" => skipped(),
            "parked" => parked(),
            "waiting" => again_after(SECOND),
            _ => continue,
        };
        assert!(world.finish(&claim, end));
    }
    let before = world.tasks();
    let states: Vec<State> = before.iter().skip(1).map(|row| row.state).collect();
    let every = [State::Done, State::Skipped, State::Parked, State::Ready, State::Running, State::Blocked];
    assert_eq!(states, every);
    world.later(SECOND / 2);
    assert!(world.again(arrival("evt_1", &tasks)));
    assert_eq!(world.tasks(), before);
    assert_eq!(world.event("evt_1").unwrap().deliveries, 2);
    assert_eq!(world.stats().duplicates, 1);
    assert!(world.claim(10).is_empty());
}

fn a_duplicate_of_what_was_started_starts_nothing(world: World<impl Subject>) {
    let sent = || arrival("evt_1", &[at_once(free("a"))]);
    assert_eq!(world.arrive(sent()).len(), 1);
    for _ in 0..50 {
        assert!(world.again(sent()));
    }
    assert_eq!(world.states(), [State::Running]);
    assert_eq!(world.event("evt_1").unwrap().deliveries, 51);
}

fn a_changed_body_is_counted_and_not_kept(world: World<impl Subject>) {
    let other = || changed(arrival("evt_1", &[free("a")]), |it| it.body = Bytes::from_static(b"{}"));
    world.record("evt_1", &[free("a")]);
    assert!(!world.again(other()));
    assert!(!world.again(other()));
    assert!(world.again(arrival("evt_1", &[])));
    let event = world.event("evt_1").unwrap();
    assert_eq!((event.deliveries, event.changed_bodies), (4, 2));
    assert_eq!(world.stats().changed_bodies, 2);
    assert_eq!(world.claim_one().body, r#"{"id":"evt_1"}"#);
}

fn an_id_with_another_type_or_object_is_an_event_of_its_own(world: World<impl Subject>) {
    let sent = |event_type: &str, object: &str| {
        about(object, event_type, "evt_00000000000000", None, &[at_once(free("a"))])
    };
    let record = |arrival: NewEvent| match world.done(|store| store.record(arrival)) {
        RecordResult::New { started, id_is_reused, .. } => {
            assert_eq!(started.len(), 1);
            Some(id_is_reused)
        }
        RecordResult::Duplicate { .. } => None,
    };
    assert_eq!(record(sent("charge.succeeded", "ch_1")), Some(false));
    assert_eq!(record(sent("charge.failed", "ch_1")), Some(true), "another type");
    assert_eq!(record(sent("charge.failed", "ch_2")), Some(true), "another object");
    for (event_type, object) in
        [("charge.succeeded", "ch_1"), ("charge.failed", "ch_1"), ("charge.failed", "ch_2")]
    {
        assert_eq!(record(sent(event_type, object)), None, "the same again");
    }
    let without_object = || NewEvent { object_id: None, ..sent("charge.failed", "ch_2") };
    assert_eq!(record(without_object()), Some(true), "no object");
    assert_eq!(record(without_object()), None);
    let found = world.done(|store| store.events_with_id("evt_00000000000000".to_owned()));
    let told: Vec<_> = found
        .iter()
        .map(|found| (&*found.event.event_type, found.event.object_id.as_deref(), found.event.deliveries))
        .collect();
    assert_eq!(
        told,
        [
            ("charge.succeeded", Some("ch_1"), 2),
            ("charge.failed", Some("ch_1"), 2),
            ("charge.failed", Some("ch_2"), 2),
            ("charge.failed", None, 2),
        ]
    );
    assert!(found.iter().all(|found| found.tasks.len() == 1 && found.body.is_some()));
    assert_eq!(world.done(|store| store.replay(found[1].event.cursor, vec![free("b")])), Replayed::Ready(1));
    assert_eq!(world.tasks().last().map(|task| &*task.event_type), Some("charge.failed"));
}

fn an_id_is_not_given_out_again(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    world.finish(&world.claim_one(), Disposition::Done);
    world.done(|store| store.quarantine(Bytes::from_static(b"1"), String::new(), came_by("/stripe", "new")));
    let quarantined = world.done(|store| store.quarantined(1))[0].id;
    world.later(100 * DAY);
    world.prune();
    world.restart(&["a"]);
    world.record("evt_1", &[free("a")]);
    assert_eq!(world.event("evt_1").unwrap().cursor, 2);
    assert_eq!(world.claim_one().ticket, Ticket { task: 2, fence: 1 });
    world.done(|store| store.quarantine(Bytes::from_static(b"2"), String::new(), came_by("/stripe", "new")));
    assert!(world.done(|store| store.quarantined(1))[0].id > quarantined);
}

fn record_starts_what_may_run(mut world: World<impl Subject>) {
    let tasks = [at_once(serial("a")), free("b"), at_once(free("c"))];
    let started = world.record("evt_1", &tasks);
    let which: Vec<_> = started.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect();
    assert_eq!(which, [(1, 1), (3, 1)]);
    assert!(started.iter().all(|claim| claim.ticket.fence == 1 && claim.body == r#"{"id":"evt_1"}"#));
    assert_eq!(world.states(), [State::Running, State::Ready, State::Running]);
    assert!(world.record("evt_2", &[at_once(serial("a"))]).is_empty(), "the lane is taken");
    assert_eq!(world.states()[3], State::Ready);
    world.finish(&started[0], again_after(SECOND));
    assert!(world.record("evt_3", &[at_once(serial("a"))]).is_empty(), "others are before it");
    // A crash finds what was started like anything else that ran.
    assert_eq!(world.restart(&["a", "b", "c"]).suspects, 1);
    assert_eq!(world.claim_ids(10), [3, 2, 4]);
}

fn a_newer_event_that_is_done_makes_an_older_one_stale(world: World<impl Subject>) {
    let is_stale = |sent: NewEvent| {
        let claims = world.arrive(sent);
        world.finish_each(&claims, &skipped());
        claims[0].is_stale
    };
    let a = [at_once(free("a"))];
    let finished = world.arrive(created("evt_newest", 30, &a));
    assert!(!is_stale(created("evt_before_it_is_done", 10, &a)));
    world.finish_each(&finished, &Disposition::Done);
    assert!(is_stale(created("evt_older", 20, &a)));
    assert!(!is_stale(created("evt_as_old", 30, &a)));
    assert!(!is_stale(created("evt_newer", 40, &a)));
    assert!(!is_stale(created("evt_of_another_handler", 20, &[at_once(free("b"))])));
    let of = |object_id, id, created| about(object_id, "charge.succeeded", id, created, &a);
    assert!(!is_stale(of("ch_1", "evt_without_a_time", None)));
    assert!(!is_stale(of("ch_2", "evt_of_another_object", Some(20))));
    let without = |event: NewEvent, object: Option<&str>| {
        let object = object.map(str::to_owned);
        let tasks =
            event.tasks.iter().map(|task| NewTask { object: object.clone(), ..task.clone() }).collect();
        NewEvent { tasks, ..event }
    };
    assert!(!is_stale(without(created("evt_without_an_object", 20, &a), None)));
    assert!(!is_stale(without(created("evt_of_another_account", 20, &a), Some("acct_1|ch_1"))));
    assert!(is_stale(created("evt_older_too", 20, &a)), "what is given up does not count");
}

fn staleness_is_shared_by_a_group(world: World<impl Subject>) {
    let at = |event_type: &str, id: &str, created, task| {
        let claims = world.arrive(about("sub_1", event_type, id, Some(created), &[at_once(task)]));
        world.finish_each(&claims, &Disposition::Done);
        claims[0].is_stale
    };
    assert!(!at("customer.subscription.updated", "evt_2", 20, grouped("on_update")));
    assert!(at("customer.subscription.created", "evt_1", 20, grouped("on_create")), "overtaken");
    assert!(!at("customer.subscription.created", "evt_0", 20, serial("alone")), "not in the group");
}

fn within_a_second_what_was_created_is_stale_after_any_other(world: World<impl Subject>) {
    let is_stale = |verb: &str, id: &str, then: Disposition| {
        let event_type = format!("customer.subscription.{verb}");
        let claims = world.arrive(about("sub_1", &event_type, id, Some(20), &[at_once(free("a"))]));
        world.finish_each(&claims, &then);
        claims[0].is_stale
    };
    assert!(!is_stale("created", "evt_1", Disposition::Done));
    assert!(!is_stale("updated", "evt_2", Disposition::Done));
    assert!(is_stale("created", "evt_3", skipped()));
    assert!(
        !is_stale("updated", "evt_4", Disposition::Done),
        "of two updates, nothing tells which was first"
    );
    assert!(!is_stale("deleted", "evt_5", Disposition::Done));
    assert!(is_stale("updated", "evt_6", skipped()));
    assert!(is_stale("created", "evt_7", skipped()));
    assert!(!is_stale("deleted", "evt_8", skipped()));
}

fn quarantine_tells_duplicates_by_the_body(mut world: World<impl Subject>) {
    let keep = |world: &World<_>, body: &'static [u8], reason: &str| {
        world.done(|store| {
            store.quarantine(Bytes::from_static(body), reason.to_owned(), came_by("/stripe", "new"))
        })
    };
    assert!(keep(&world, b"[1]", "no object"));
    world.later(SECOND);
    assert!(!keep(&world, b"[1]", "something else"));
    assert!(keep(&world, b"\xff", "no UTF-8"));
    world.restart(&[]);
    let listed = |limit| world.done(|store| store.quarantined(limit));
    let shown: Vec<_> =
        listed(10).into_iter().map(|row| (row.received_ms, row.deliveries, row.reason, row.bytes)).collect();
    let second = (START + 1_000, 1, "no UTF-8".to_owned(), 1);
    assert_eq!(shown, [second, (START, 2, "no object".to_owned(), 3)]);
    assert_eq!(listed(1), listed(10)[..1]);
    assert_eq!(world.stats().quarantined, 2);
    let found = |id| world.done(|store| store.quarantined_with_id(id));
    for (row, body) in listed(2).into_iter().zip([Body::Bytes(vec![0xff]), Body::Text("[1]".to_owned())]) {
        assert_eq!(found(row.id), Some(Quarantined { row, body }));
    }
    assert_eq!(found(listed(1)[0].id + 1), None);
    world.later(90 * DAY);
    assert_eq!(world.prune(), Pruned { quarantined: 1, ..Pruned::default() });
    assert!(keep(&world, b"[1]", "no object"));
}

fn an_event_that_cannot_be_kept_is_refused(world: World<impl Subject>) {
    let long = "x".repeat(10_000);
    let of_object =
        |object: &str| NewEvent { object_id: Some(object.to_owned()), ..arrival("evt_1", &[serial("a")]) };
    let sent = || arrival("evt_1", &[free("a")]);
    for (refused, why) in [
        (of_object("ch_\0"), "`data.object.id` contains U+0000"),
        (of_object(&long), "`data.object.id` is longer than 1024 bytes"),
        (changed(sent(), |it| it.account = Some("\0".to_owned())), "`account` contains U+0000"),
        (changed(sent(), |it| it.api_version = Some("2025\0".to_owned())), "`api_version` contains U+0000"),
    ] {
        let told = world.runtime.block_on(world.subject.store().record(refused)).expect_err(why);
        assert!(matches!(&told, StoreError::Refused(cause) if cause.to_string() == why), "{told:?}");
    }
    assert!(world.tasks().is_empty());
    // What is in no index may be of any length, and other texts are as they are.
    let odd = changed(of_object("'; -- \u{1F600}\u{85}"), |it| it.account = Some(long.clone()));
    world.arrive(odd);
    assert_eq!(world.tasks().len(), 1);
}
