//! One event through several endpoints, and the secrets that were used.

use super::super::*;

on_every_store! {
    an_event_shows_each_endpoint_that_it_came_through,
    a_new_endpoint_adds_the_tasks_of_its_own_handlers,
    an_endpoint_adds_its_tasks_once,
    a_task_that_is_there_is_left_as_it_is,
    tasks_that_an_endpoint_adds_start_as_new_ones_do,
    tasks_that_an_endpoint_adds_take_their_turn_in_a_lane,
    a_task_that_an_endpoint_adds_has_the_first_body,
    a_task_that_an_endpoint_adds_brings_the_body_back,
    a_task_that_was_started_for_an_endpoint_is_recovered,
    each_secrets_last_use_is_noted,
    the_last_use_is_noted_once_a_minute,
    a_label_that_is_given_to_another_secret_starts_anew,
    a_secret_that_no_instance_has_is_forgotten,
}

/// A task of a handler of the endpoint `connect`.
fn connect(handler: HandlerId) -> NewTask {
    of_endpoint(free(handler))
}

fn an_event_shows_each_endpoint_that_it_came_through(world: World<impl Subject>) {
    let sent = || arrival("evt_1", &[free("a")]);
    world.arrive(sent());
    world.later(SECOND);
    let signed_with = |endpoint, secret| NewEvent { came_by: came_by(endpoint, secret), ..sent() };
    for (endpoint, secret) in [("connect", "old"), ("/stripe", "old"), ("connect", "new"), ("eu", "new")] {
        assert!(world.again(signed_with(endpoint, secret)));
    }
    let row = |endpoint: &str, secret: &str, received_ms| EndpointRow {
        endpoint: endpoint.to_owned(),
        secret: secret.to_owned(),
        received_ms,
    };
    let expected =
        [row("/stripe", "new", START), row("connect", "old", START + 1_000), row("eu", "new", START + 1_000)];
    let event = world.event("evt_1").unwrap();
    assert_eq!((&event.endpoints[..], event.deliveries), (&expected[..], 5));
    assert_eq!(world.done(|store| store.events(everything()))[0].endpoints, expected);
    world.record("evt_2", &[]);
    assert_eq!(world.event("evt_2").unwrap().endpoints.len(), 1);
}

fn a_new_endpoint_adds_the_tasks_of_its_own_handlers(world: World<impl Subject>) {
    world.record("evt_1", &[free("everywhere")]);
    world.later(SECOND);
    let sent = arrival("evt_1", &[connect("its"), free("everywhere"), free("added_since")]);
    let (started, added) = world.joins(through("connect", sent));
    assert_eq!((started.len(), added), (0, 1));
    let tasks: Vec<_> = world.tasks().into_iter().map(|row| (row.handler, row.state, row.due_ms)).collect();
    let ready = |handler: &str, due| (handler.to_owned(), State::Ready, Some(due));
    assert_eq!(tasks, [ready("everywhere", START), ready("its", START + 1_000)]);
    let claims = world.claim(10);
    assert!(
        claims.iter().all(|claim| &*claim.endpoint == "/stripe" && !claim.is_replay && claim.attempt == 1)
    );
    assert_eq!(claims.len(), 2);
}

fn an_endpoint_adds_its_tasks_once(world: World<impl Subject>) {
    world.record("evt_1", &[connect("of_stripe")]);
    let sent = |tasks: &[NewTask]| through("connect", arrival("evt_1", tasks));
    assert_eq!(world.joins(sent(&[connect("a")])).1, 1);
    // What the endpoint has got since is not run on an old delivery.
    assert!(world.again(sent(&[connect("a"), connect("added_since")])));
    assert!(world.again(arrival("evt_1", &[connect("added_since")])));
    assert_eq!(world.tasks().len(), 2);
}

fn a_task_that_is_there_is_left_as_it_is(world: World<impl Subject>) {
    world.record("evt_1", &[free("done"), free("parked")]);
    let claims = world.claim(10);
    world.finish(&claims[0], Disposition::Done);
    world.finish(&claims[1], parked());
    let before = world.tasks();
    world.later(SECOND);
    let sent = arrival("evt_1", &[at_once(connect("done")), at_once(connect("parked"))]);
    assert!(world.again(through("connect", sent)));
    assert_eq!(world.tasks(), before);
}

fn tasks_that_an_endpoint_adds_start_as_new_ones_do(world: World<impl Subject>) {
    let by_lane = |handler| of_endpoint(at_once(serial(handler)));
    world.record("evt_1", &[]);
    let tasks = [at_once(connect("a")), by_lane("b"), connect("c"), of_endpoint(awaited("d"))];
    let (started, added) = world.joins(through("connect", arrival("evt_1", &tasks)));
    let started: Vec<_> =
        started.iter().map(|claim| (claim.handler, claim.attempt, claim.ticket.fence)).collect();
    assert_eq!((started, added), (vec![("a", 1, 1), ("b", 1, 1), ("d", 1, 1)], 4));
    assert_eq!(world.states(), [State::Running, State::Running, State::Ready, State::Running]);
    world.record("evt_2", &[]);
    let (started, _) = world.joins(through("connect", arrival("evt_2", &[by_lane("b")])));
    assert!(started.is_empty(), "its lane is taken");
}

fn tasks_that_an_endpoint_adds_take_their_turn_in_a_lane(world: World<impl Subject>) {
    world.arrive(created("evt_1", 10, &[]));
    world.arrive(created("evt_2", 20, &[serial("a")]));
    world.arrive(created("evt_3", 30, &[serial("a")]));
    let running = world.claim_one();
    let (started, added) = world.joins(through("connect", created("evt_1", 10, &[of_endpoint(serial("a"))])));
    assert_eq!((started.len(), added), (0, 1));
    assert!(world.claim(10).is_empty());
    world.finish(&running, Disposition::Done);
    let next = world.claim_one();
    assert_eq!((next.ticket.task, next.is_stale), (3, true), "the oldest event first, and it is stale now");
    world.finish(&next, Disposition::Done);
    assert_eq!(world.claim_one().ticket.task, 2);
}

fn a_task_that_an_endpoint_adds_has_the_first_body(world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    let other = |task| {
        let sent = through("connect", arrival("evt_1", &[task]));
        changed(sent, |it| it.body = Bytes::from_static(b"{}"))
    };
    let (started, _) = world.joins(other(at_once(connect("b"))));
    assert_eq!(started[0].body, r#"{"id":"evt_1"}"#);
    assert_eq!(world.event("evt_1").unwrap().changed_bodies, 1);
    assert!(world.claim(10).iter().all(|claim| claim.body == r#"{"id":"evt_1"}"#));
}

fn a_task_that_an_endpoint_adds_brings_the_body_back(world: World<impl Subject>) {
    let other = |event, tasks: &[NewTask]| {
        changed(through("connect", arrival(event, tasks)), |it| it.body = Bytes::from_static(b"{}"))
    };
    world.record("evt_1", &[free("a")]);
    world.record("evt_2", &[]);
    world.record("evt_3", &[]);
    world.finish(&world.claim_one(), Disposition::Done);
    world.later(8 * DAY);
    world.prune();
    assert!(!world.event("evt_1").unwrap().has_body);
    assert_eq!(world.joins(through("connect", arrival("evt_1", &[connect("b")]))).1, 1);
    assert_eq!(world.joins(other("evt_2", &[connect("b")])).1, 1);
    assert!(!world.again(other("evt_3", &[free("b")])), "a task that is not added needs no body");
    let bodies: Vec<Bytes> = world.claim(10).into_iter().map(|claim| claim.body).collect();
    assert_eq!(bodies, [r#"{"id":"evt_1"}"#, "{}"]);
    assert!(!world.event("evt_3").unwrap().has_body);
    // From now on, this is the body that others are compared with.
    assert!(world.again(other("evt_2", &[])));
    assert!(!world.again(arrival("evt_2", &[])));
    world.later(30 * DAY);
    world.prune();
    assert!(world.event("evt_1").unwrap().has_body, "it runs");
}

fn a_task_that_was_started_for_an_endpoint_is_recovered(mut world: World<impl Subject>) {
    world.record("evt_1", &[]);
    assert_eq!(world.joins(through("connect", arrival("evt_1", &[at_once(connect("a"))]))).0.len(), 1);
    assert_eq!(world.restart(&["a"]).suspects, 1);
    assert_eq!(world.claim_one().attempt, 2);
}

/// The secrets: endpoint, label and fingerprint, and how long after the start each was last configured and last used.
fn secrets(world: &World<impl Subject>) -> Vec<(String, i64, Option<i64>)> {
    let row = |row: SecretRow| {
        let name = [row.endpoint, row.secret, row.fingerprint].join(" ");
        (name, row.last_configured_ms - START, row.last_used_ms.map(|used| used - START))
    };
    world.stats().secrets.into_iter().map(row).collect()
}

fn signed_with(event: &str, came_by: CameBy) -> NewEvent {
    NewEvent { came_by, ..arrival(event, &[free("a")]) }
}

fn each_secrets_last_use_is_noted(mut world: World<impl Subject>) {
    world.arrive(signed_with("evt_1", came_by("/stripe", "old")));
    world.later(SECOND);
    assert!(world.again(signed_with("evt_1", came_by("/stripe", "new"))), "a duplicate counts");
    assert!(world.again(signed_with("evt_1", came_by("connect", "new"))));
    world.done(|store| store.quarantine(Bytes::from_static(b"?"), String::new(), came_by("connect", "odd")));
    let row = |name: &str, at| (name.to_owned(), at, Some(at));
    let expected = [
        row("/stripe new 47f0b1f8", 1_000),
        row("/stripe old 47f0b1f8", 0),
        row("connect new 47f0b1f8", 1_000),
        row("connect odd 47f0b1f8", 1_000),
    ];
    assert_eq!(secrets(&world), expected);
    world.restart(&["a"]);
    assert_eq!(secrets(&world), expected);
}

fn the_last_use_is_noted_once_a_minute(world: World<impl Subject>) {
    world.record("evt_1", &[]);
    for (after, noted) in [(59_999, 0), (1, 60_000), (59_999, 60_000), (80_000, 199_999)] {
        world.later(Duration::from_millis(after));
        world.again(arrival("evt_1", &[]));
        assert_eq!(secrets(&world)[0].2, Some(noted));
    }
}

/// Otherwise an operator would believe that the old secret is still used, or that the new one works.
fn a_label_that_is_given_to_another_secret_starts_anew(world: World<impl Subject>) {
    let former = || came_by_another("/stripe", "current", "00000001");
    let latter = || came_by_another("/stripe", "current", "00000002");
    let row =
        |fingerprint: &str, configured, used| (format!("/stripe current {fingerprint}"), configured, used);
    world.done(|store| store.note_secrets(vec![former()]));
    assert_eq!(secrets(&world), [row("00000001", 0, None)], "never used");
    world.arrive(signed_with("evt_1", former()));
    world.later(SECOND);
    world.done(|store| store.note_secrets(vec![latter()]));
    assert_eq!(secrets(&world), [row("00000001", 0, Some(0)), row("00000002", 1_000, None)]);
    // One instance has the former secret yet, another one the latter.
    world.later(SECOND);
    world.done(|store| store.note_secrets(vec![former()]));
    world.again(signed_with("evt_1", latter()));
    let both = [row("00000001", 2_000, Some(0)), row("00000002", 2_000, Some(2_000))];
    assert_eq!(secrets(&world), both);
    // That a secret is configured says nothing of its use.
    world.later(SECOND);
    world.done(|store| store.note_secrets(vec![former(), latter()]));
    let both = [row("00000001", 3_000, Some(0)), row("00000002", 3_000, Some(2_000))];
    assert_eq!(secrets(&world), both);
}

fn a_secret_that_no_instance_has_is_forgotten(mut world: World<impl Subject>) {
    let names =
        |world: &World<_>| -> Vec<String> { secrets(world).into_iter().map(|(name, ..)| name).collect() };
    let [new, old, unused] = ["new", "old", "unused"].map(|label| move || came_by("/stripe", label));
    let all = ["/stripe new 47f0b1f8", "/stripe old 47f0b1f8", "/stripe unused 47f0b1f8"];
    world.done(|store| store.note_secrets(vec![new(), old(), unused()]));
    world.arrive(signed_with("evt_1", old()));
    world.later(SECOND);
    world.again(signed_with("evt_1", old()));
    world.later(SECRET_KEPT - 2 * SECOND);
    world.restart(&["a"]);
    world.done(|store| store.note_secrets(vec![new()]));
    world.done(|store| store.prune(KEEP, 1));
    assert_eq!(names(&world), all);
    world.later(SECOND);
    world.prune();
    assert_eq!(names(&world), all, "kept for that long");
    world.later(Duration::from_millis(1));
    world.done(|store| store.prune(KEEP, 1));
    assert_eq!(names(&world), all, "they are freed with the first step");
    world.prune();
    assert_eq!(names(&world), all[..1]);
}
