//! Two events that report one occurrence: a handler that takes both runs once.

use super::super::*;

on_every_store! {
    the_event_that_comes_first_has_the_task,
    each_handler_has_an_occurrence_for_itself,
    twins_that_come_again_change_nothing,
    a_twin_gets_no_task_whatever_became_of_the_first,
    a_twin_gets_no_task_after_a_crash,
    a_twin_takes_no_place_in_a_lane,
    a_twin_may_start_at_once,
    a_twin_that_comes_through_another_endpoint_gets_no_task,
    an_endpoint_adds_the_task_of_an_occurrence_once,
    a_replay_runs_the_twin_that_has_the_task,
    a_replay_makes_the_task_of_an_occurrence_once,
    a_twin_without_tasks_is_kept_like_others,
    an_occurrence_is_known_for_as_long_as_its_event,
}

/// A task of a handler that takes the event's twin as well.
fn both(handler: HandlerId) -> NewTask {
    of_occurrence("evt_1/charge.succeeded/ch_1", free(handler))
}

fn of_occurrence(occurrence: &str, task: NewTask) -> NewTask {
    NewTask { occurrence: Some(occurrence.to_owned()), ..task }
}

/// Records an event. Returns how many of its tasks its twin has.
fn known(world: &World<impl Subject>, arrival: NewEvent) -> usize {
    match world.done(|store| store.record(arrival)) {
        RecordResult::New { known_occurrences, .. } => known_occurrences,
        duplicate @ RecordResult::Duplicate { .. } => panic!("{duplicate:?}"),
    }
}

/// The event and the handler of each task.
fn made(world: &World<impl Subject>) -> Vec<(String, String)> {
    let mut made: Vec<_> = world.tasks().into_iter().map(|row| (row.event_id, row.handler)).collect();
    made.sort();
    made
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(event, handler)| ((*event).to_owned(), (*handler).to_owned())).collect()
}

fn the_event_that_comes_first_has_the_task(world: World<impl Subject>) {
    assert_eq!(known(&world, arrival("evt_1", &[free("a"), both("b")])), 0);
    assert_eq!(known(&world, arrival("evt_2", &[both("b"), free("c")])), 1);
    // A handler that takes one kind runs for it; of another occurrence, the one that takes both does, too.
    assert_eq!(known(&world, arrival("evt_3", &[of_occurrence("evt_3/other/", free("b"))])), 0);
    assert_eq!(made(&world), pairs(&[("evt_1", "a"), ("evt_1", "b"), ("evt_2", "c"), ("evt_3", "b")]));
    assert_eq!(world.claim(10).len(), 4);
}

fn each_handler_has_an_occurrence_for_itself(world: World<impl Subject>) {
    assert_eq!(known(&world, arrival("evt_1", &[both("a")])), 0);
    assert_eq!(known(&world, arrival("evt_2", &[both("a"), both("b")])), 1);
    assert_eq!(known(&world, arrival("evt_3", &[both("a"), both("b")])), 2);
    assert_eq!(made(&world), pairs(&[("evt_1", "a"), ("evt_2", "b")]));
}

fn twins_that_come_again_change_nothing(world: World<impl Subject>) {
    let [first, second] = ["evt_1", "evt_2"].map(|id| move || arrival(id, &[at_once(both("a"))]));
    assert_eq!(world.arrive(first()).len(), 1);
    assert!(world.arrive(second()).is_empty());
    for _ in 0..3 {
        assert!(world.again(first()));
        assert!(world.again(second()));
    }
    assert_eq!(world.states(), [State::Running]);
    assert_eq!(world.event("evt_2").unwrap().deliveries, 4);
}

fn a_twin_gets_no_task_whatever_became_of_the_first(world: World<impl Subject>) {
    let ends = [Disposition::Done, skipped(), parked(), again_after(SECOND), Disposition::Released];
    for (number, end) in ends.into_iter().enumerate() {
        let sent = |kind: &str| {
            let task = of_occurrence(&format!("occurrence {number}"), at_once(free("a")));
            arrival(&format!("evt_{number}_{kind}"), &[task])
        };
        let started = world.arrive(sent("first"));
        assert!(world.finish(&started[0], end));
        assert_eq!(known(&world, sent("second")), 1);
    }
    assert_eq!(world.tasks().len(), 5);
    assert!(world.skip(4), "it waits for its retry");
    let late = arrival("evt_late", &[of_occurrence("occurrence 3", free("a"))]);
    assert_eq!(known(&world, late), 1);
}

fn a_twin_gets_no_task_after_a_crash(mut world: World<impl Subject>) {
    let sent = |id| arrival(id, &[at_once(both("a"))]);
    assert_eq!(world.arrive(sent("evt_1")).len(), 1);
    assert_eq!(world.restart(&["a"]).suspects, 1);
    assert_eq!(known(&world, sent("evt_2")), 1);
    let again = world.claim_one();
    assert_eq!((again.ticket.task, again.attempt), (1, 2));
    world.restart(&["a"]);
    assert!(world.again(sent("evt_2")));
    assert_eq!(world.tasks().len(), 1);
}

fn a_twin_takes_no_place_in_a_lane(world: World<impl Subject>) {
    let twin = || of_occurrence("evt_1/charge.succeeded/ch_1", at_once(serial("a")));
    let first = world.arrive(created("evt_1", 10, &[twin()]));
    assert!(world.arrive(created("evt_2", 10, &[twin()])).is_empty());
    assert!(world.arrive(created("evt_3", 20, &[at_once(serial("a"))])).is_empty());
    assert_eq!(world.states(), [State::Running, State::Ready]);
    world.finish(&first[0], Disposition::Done);
    assert_eq!(world.claim_one().handler, "a");
    assert_eq!(made(&world), pairs(&[("evt_1", "a"), ("evt_3", "a")]));
}

fn a_twin_may_start_at_once(world: World<impl Subject>) {
    let tasks = |lane: &str| {
        let lane = in_lane("b", lane, false);
        [at_once(both("a")), at_once(of_occurrence("another", lane)), both("c"), awaited("d"), free("e")]
    };
    let handlers = |claims: Vec<Claim>| claims.iter().map(|claim| claim.handler).collect::<Vec<_>>();
    assert_eq!(handlers(world.arrive(arrival("evt_1", &tasks("ch_1")))), ["a", "b", "d"]);
    assert_eq!(handlers(world.arrive(arrival("evt_2", &tasks("ch_2")))), ["d"]);
    let states: Vec<_> = world.tasks().into_iter().map(|row| (row.handler, row.state)).collect();
    let expected = [
        ("a", State::Running),
        ("b", State::Running),
        ("c", State::Ready),
        ("d", State::Running),
        ("e", State::Ready),
        ("d", State::Running),
        ("e", State::Ready),
    ];
    assert_eq!(states, expected.map(|(handler, state)| (handler.to_owned(), state)));
}

fn a_twin_that_comes_through_another_endpoint_gets_no_task(world: World<impl Subject>) {
    world.record("evt_1", &[both("a")]);
    world.record("evt_2", &[free("b")]);
    let (started, added) = world.joins(through("thin", arrival("evt_2", &[of_endpoint(both("a"))])));
    assert_eq!((started.len(), added), (0, 0));
    assert_eq!(made(&world), pairs(&[("evt_1", "a"), ("evt_2", "b")]));
    assert_eq!(world.event("evt_2").unwrap().endpoints.len(), 2);
}

fn an_endpoint_adds_the_task_of_an_occurrence_once(world: World<impl Subject>) {
    world.record("evt_1", &[]);
    world.record("evt_2", &[]);
    let sent =
        |id| through("connect", arrival(id, &[at_once(of_endpoint(both("a"))), of_endpoint(free("b"))]));
    let (started, added) = world.joins(sent("evt_2"));
    assert_eq!((started.len(), added), (1, 2));
    assert_eq!(started[0].body, r#"{"id":"evt_2"}"#);
    let (started, added) = world.joins(sent("evt_1"));
    assert_eq!((started.len(), added), (0, 1));
    assert_eq!(known(&world, arrival("evt_3", &[both("a")])), 1);
    assert_eq!(made(&world), pairs(&[("evt_1", "b"), ("evt_2", "a"), ("evt_2", "b")]));
}

fn a_replay_runs_the_twin_that_has_the_task(world: World<impl Subject>) {
    let first = world.record("evt_1", &[at_once(both("a"))]);
    world.record("evt_2", &[both("a"), free("b")]);
    world.finish(&first[0], Disposition::Done);
    world.finish(&world.claim_one(), Disposition::Done);
    assert_eq!(world.replay("evt_2", &[both("a"), free("b")]), Replayed::Ready(1));
    assert_eq!(world.claim_one().handler, "b");
    assert_eq!(world.replay("evt_1", &[both("a")]), Replayed::Ready(1));
    let again = world.claim_one();
    assert_eq!((again.handler, again.is_replay, &*again.body), ("a", true, &br#"{"id":"evt_1"}"#[..]));
    assert_eq!(world.tasks().len(), 2);
}

fn a_replay_makes_the_task_of_an_occurrence_once(world: World<impl Subject>) {
    world.record("evt_1", &[free("b")]);
    world.record("evt_2", &[free("b")]);
    // A handler that is new, or takes both kinds since.
    assert_eq!(world.replay("evt_2", &[both("a")]), Replayed::Ready(1));
    assert_eq!(world.replay("evt_1", &[both("a")]), Replayed::Ready(0));
    assert_eq!(world.replay("evt_2", &[both("a")]), Replayed::Ready(0), "it is open");
    assert_eq!(made(&world), pairs(&[("evt_1", "b"), ("evt_2", "a"), ("evt_2", "b")]));
    // One that had a task of this event has it yet.
    for claim in world.claim(10) {
        world.finish(&claim, Disposition::Done);
    }
    let took_one = of_occurrence("another", free("b"));
    assert_eq!(world.replay("evt_1", std::slice::from_ref(&took_one)), Replayed::Ready(1));
    assert_eq!(world.tasks().len(), 3);
}

fn a_twin_without_tasks_is_kept_like_others(world: World<impl Subject>) {
    let first = world.record("evt_1", &[at_once(both("a"))]);
    world.record("evt_2", &[both("a")]);
    world.finish(&first[0], parked());
    assert!(world.event("evt_2").unwrap().has_body);
    world.later(7 * DAY + SECOND);
    assert_eq!(world.prune(), Pruned { bodies: 1, ..Pruned::default() });
    assert!(!world.event("evt_2").unwrap().has_body);
    assert_eq!(world.replay("evt_2", &[both("a")]), Replayed::NoBody);
    world.later(28 * DAY);
    assert_eq!(world.prune(), Pruned { events: 1, ..Pruned::default() });
    assert!(world.event("evt_1").is_some(), "its task is parked");
    assert_eq!(known(&world, arrival("evt_2", &[both("a")])), 1);
}

fn an_occurrence_is_known_for_as_long_as_its_event(world: World<impl Subject>) {
    let first = world.record("evt_1", &[at_once(both("a")), at_once(free("b"))]);
    world.finish_each(&first, &Disposition::Done);
    world.later(35 * DAY);
    world.prune();
    world.record("evt_2", &[both("a")]);
    assert!(world.tasks().iter().all(|row| row.event_id == "evt_1"));
    world.later(SECOND);
    assert_eq!(world.prune(), Pruned { events: 1, ..Pruned::default() });
    assert!(world.tasks().is_empty());
    assert_eq!(world.replay("evt_2", &[both("a")]), Replayed::Ready(1));
    assert_eq!(known(&world, arrival("evt_3", &[both("a")])), 1);
}
