//! The protocol, scenario by scenario.

use super::*;

/// Makes a test of every scenario for every store.
macro_rules! on_every_store {
    ($($scene:ident,)*) => {
        mod in_model {
            $(#[test] fn $scene() { super::$scene(super::World::<super::InModel>::new()); })*
        }

        mod in_memory {
            $(#[test] fn $scene() { super::$scene(super::World::<super::InMemory>::new()); })*
        }

        mod on_disk {
            $(#[test] fn $scene() { super::$scene(super::World::<super::OnDisk>::new()); })*
        }
    };
}

on_every_store! {
    an_event_is_stored_with_its_tasks,
    an_event_without_tasks_is_known_without_its_body,
    a_duplicate_changes_nothing_in_any_state,
    a_duplicate_of_what_was_started_starts_nothing,
    a_changed_body_is_counted_and_not_kept,
    an_id_with_another_type_or_object_is_an_event_of_its_own,
    every_attempt_that_did_not_succeed_is_kept,
    the_latest_attempts_are_kept,
    a_failing_handler_does_not_touch_its_neighbour,
    a_run_ends_once,
    an_old_ticket_is_worthless_after_a_restart,
    a_retry_waits_for_its_time,
    a_retry_is_never_early,
    due_tasks_are_claimed_in_order_and_no_more_than_wanted,
    a_handler_at_its_capacity_holds_up_no_other,
    what_its_lane_holds_up_takes_no_capacity,
    a_serial_lane_runs_one_at_a_time,
    a_serial_lane_takes_the_oldest_first,
    within_a_second_created_is_first_and_deleted_last,
    handlers_of_a_group_share_their_lanes,
    a_group_waits_for_the_handler_whose_turn_it_is,
    a_serial_lane_lets_others_pass_a_task_in_backoff,
    a_strict_lane_waits_for_a_task_in_backoff,
    a_parked_task_frees_its_lane,
    lanes_of_other_keys_and_handlers_do_not_wait,
    tasks_without_a_lane_run_side_by_side,
    a_long_lane_runs_dry,
    suspects_run_one_after_the_other_beside_others,
    the_third_crash_convicts,
    a_lane_goes_on_when_its_first_task_is_convicted,
    after_a_conviction_the_lane_goes_on,
    one_that_is_cleared_runs_in_company,
    what_is_cleared_is_not_counted_however_often_its_process_ends,
    a_suspect_with_a_taken_lane_lets_the_next_one_start,
    a_suspect_holds_its_place_in_its_lane,
    a_clock_that_was_wrong_puts_nothing_off_for_years,
    a_crash_in_company_convicts_none,
    a_run_that_ends_clears_the_suspicion,
    a_released_suspect_stays_one,
    only_what_is_awaited_starts_beside_one_that_is_accused,
    a_released_attempt_does_not_count,
    what_leaves_gives_back_its_tasks,
    a_task_without_its_handler_waits_for_it,
    blocked_tasks_wait_on_after_a_restart,
    what_is_done_is_freed_in_two_steps,
    what_is_parked_is_kept_longer,
    what_is_open_is_kept_for_ever,
    retention_goes_by_when_the_last_task_ended,
    retention_goes_on_from_its_cursor,
    retention_stops_at_what_is_recent,
    the_end_of_a_run_tells_whether_anything_is_due,
    an_id_is_not_given_out_again,
    a_replay_runs_what_is_done_again,
    a_replay_leaves_open_tasks_alone,
    a_replay_reaches_a_new_handler,
    a_replay_needs_the_body,
    a_retry_by_hand_begins_anew,
    a_retry_is_of_handlers_that_there_are,
    a_skip_lets_the_lane_go_on,
    quarantine_tells_duplicates_by_the_body,
    record_starts_what_may_run,
    a_newer_event_that_is_done_makes_an_older_one_stale,
    staleness_is_shared_by_a_group,
    within_a_second_what_was_created_is_stale_after_any_other,
    stats_count_everything,
    tasks_are_listed_page_by_page,
    tasks_are_filtered,
    events_are_listed_and_filtered,
    rows_are_filtered_by_what_the_event_is_about,
    an_event_shows_its_body_and_tasks,
}

fn an_event_is_stored_with_its_tasks(world: World<impl Subject>) {
    let sent =
        changed(created("evt_1", 7, &[free("a"), free("b")]), |it| it.account = Some("acct_1".to_owned()));
    assert!(world.arrive(sent).is_empty());
    let task = |task, handler: &str| TaskRow {
        task,
        event_id: "evt_1".to_owned(),
        event_type: "charge.succeeded".to_owned(),
        handler: handler.to_owned(),
        state: State::Ready,
        why: None,
        attempt: 0,
        received_ms: START,
        due_ms: Some(START),
        finished_ms: None,
        error: None,
    };
    assert_eq!(world.tasks(), [task(1, "a"), task(2, "b")]);
    let event = EventRow {
        cursor: 1,
        event_id: "evt_1".to_owned(),
        event_type: "charge.succeeded".to_owned(),
        endpoint: "/stripe".to_owned(),
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
        RecordResult::New { started, id_is_reused } => {
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
    let found = world.done(|store| store.event("evt_00000000000000".to_owned()));
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

fn every_attempt_that_did_not_succeed_is_kept(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), free("b")]);
    for end in [again_after(SECOND), Disposition::Released, parked()] {
        world.later(SECOND);
        let claim = world.claim(10).into_iter().find(|claim| claim.handler == "a").unwrap();
        world.later(SECOND);
        world.finish(&claim, end);
    }
    assert!(world.retry(1));
    world.claim(10);
    world.restart(&["a", "b"]);
    let first = world.claim(10).remove(0);
    world.finish(&first, skipped());
    world.finish(&world.claim_one(), Disposition::Done);
    let attempts = world.stored("evt_1").unwrap().attempts;
    let row = |task, attempt, started: i64, ended: i64, outcome, error: Option<&str>| AttemptRow {
        task,
        attempt,
        started_ms: START + started * 1_000,
        ended_ms: START + ended * 1_000,
        outcome,
        error: error.map(str::to_owned),
    };
    let expected = [
        row(1, 1, 1, 2, AttemptOutcome::Failed, Some("failed")),
        row(1, 2, 5, 6, AttemptOutcome::Parked, Some("failed for good")),
        row(1, 1, 6, 6, AttemptOutcome::Crashed, None),
        row(2, 1, 1, 6, AttemptOutcome::Crashed, None),
        row(1, 2, 6, 6, AttemptOutcome::Skipped, Some("not wanted")),
    ];
    assert_eq!(
        attempts, expected,
        "what an operator retries is kept; what succeeds or is given back is not a failure"
    );
    world.later(100 * DAY);
    assert_eq!(world.prune(), Pruned { events: 1, ..Pruned::default() });
    assert!(world.stored("evt_1").is_none());
}

fn the_latest_attempts_are_kept(world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), free("b")]);
    world.finish(&world.claim_one_of("b"), again_after(DAY));
    let all = u32::try_from(ATTEMPTS_KEPT).unwrap() + 2;
    for _ in 0..all {
        world.finish(&world.claim_one(), again_after(Duration::ZERO));
    }
    let kept = world.attempts("evt_1", 1);
    assert_eq!(kept, Vec::from_iter((3..=all).map(|attempt| (attempt, AttemptOutcome::Failed))));
    assert_eq!(world.attempts("evt_1", 2).len(), 1);
}

fn a_failing_handler_does_not_touch_its_neighbour(world: World<impl Subject>) {
    world.record("evt_1", &[free("bad"), free("good")]);
    let claims = world.claim(10);
    assert!(world.finish(&claims[0], again_after(SECOND)));
    assert!(world.finish(&claims[1], Disposition::Done));
    let [bad, good] = &world.tasks()[..] else { panic!("two tasks") };
    assert_eq!((bad.state, bad.error.as_deref()), (State::Ready, Some("failed")));
    assert_eq!((good.state, good.error.as_deref()), (State::Done, None));
    world.later(SECOND);
    assert_eq!(world.claim_one().handler, "bad");
}

fn a_run_ends_once(world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    let first = world.claim_one();
    assert!(world.finish(&first, again_after(Duration::ZERO)));
    assert!(!world.finish(&first, Disposition::Done), "the task does not run");
    let second = world.claim_one();
    assert_eq!((second.ticket.fence, second.attempt), (2, 2));
    assert!(!world.finish(&first, Disposition::Done), "another run has the task");
    assert_eq!(world.states(), [State::Running]);
    assert!(world.finish(&second, Disposition::Done));
    assert!(!world.finish(&second, parked()));
    assert_eq!(world.states(), [State::Done]);
    let unknown = Ticket { task: 99, fence: 1 };
    assert!(!world.done(|store| store.finish(unknown, Disposition::Done)).was_ours);
}

fn an_old_ticket_is_worthless_after_a_restart(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    let old = world.claim_one();
    world.restart(&["a"]);
    assert!(!world.finish(&old, Disposition::Done));
    let new = world.claim_one();
    assert_eq!((new.ticket.fence, new.attempt), (2, 2));
    assert!(!world.finish(&old, Disposition::Done));
    assert!(world.finish(&new, Disposition::Done));
}

fn a_retry_waits_for_its_time(world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    assert_eq!(world.next_due(), None, "what is due now waits for no time");
    world.finish(&world.claim_one(), again_after(5 * SECOND));
    assert_eq!(world.next_due(), Some(5 * SECOND));
    assert_eq!(world.task(1).due_ms, Some(START + 5_000));
    world.later(5 * SECOND - Duration::from_millis(1));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.next_due(), Some(Duration::from_millis(1)));
    world.later(Duration::from_millis(1));
    let claim = world.claim_one();
    assert_eq!(claim.attempt, 2);
    assert_eq!(world.task(1).error.as_deref(), Some("failed"));
    world.finish(&claim, Disposition::Done);
    assert_eq!(world.task(1).error, None);
    assert_eq!(world.task(1).finished_ms, Some(START + 5_000));
    assert_eq!(world.next_due(), None);
}

fn a_retry_is_never_early(world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    world.finish(&world.claim_one(), again_after(Duration::from_micros(1)));
    assert_eq!(world.task(1).due_ms, Some(START + 1));
    assert!(world.claim(1).is_empty());
    world.later(Duration::from_millis(1));
    world.finish(&world.claim_one(), again_after(Duration::MAX));
    world.later(1_000 * DAY);
    assert!(world.claim(1).is_empty());
}

fn due_tasks_are_claimed_in_order_and_no_more_than_wanted(world: World<impl Subject>) {
    for event in 1..=4 {
        world.record(&format!("evt_{event}"), &[free("a")]);
    }
    let claims = world.claim(2);
    assert_eq!(claims.iter().map(|claim| claim.ticket.task).collect::<Vec<_>>(), [1, 2]);
    assert!(world.finish(&claims[0], again_after(2 * SECOND)));
    assert!(world.finish(&claims[1], again_after(SECOND)));
    assert!(world.claim(0).is_empty());
    world.later(2 * SECOND);
    assert_eq!(world.claim_ids(10), [3, 4, 2, 1], "by the time at which they were due");
}

fn a_handler_at_its_capacity_holds_up_no_other(mut world: World<impl Subject>) {
    for (id, handler) in [("evt_1", "a"), ("evt_2", "a"), ("evt_3", "a"), ("evt_4", "b"), ("evt_5", "a")] {
        world.record(id, &[free(handler)]);
        world.later(SECOND);
    }
    assert_eq!(world.claim_ids_of(4, &[("b", 2), ("a", 2)]), [1, 2, 4]);
    assert_eq!(world.claim_ids_of(4, &[("a", 0), ("b", 2)]), [0; 0]);
    assert_eq!(world.claim_ids_of(4, &[("b", 2)]), [0; 0], "a handler that is not named has none");
    assert_eq!(world.claim_ids_of(1, &[("a", 2)]), [3]);
    world.restart(&["a", "b"]);
    assert_eq!(world.claim_ids_of(4, &[("c", 2)]), [0; 0], "nor has it for a suspect");
    assert_eq!(world.claim_ids_of(4, &[("b", 2)]), [4], "the first suspect that can start");
    assert_eq!(world.claim_ids_of(4, &[("b", 2), ("a", 2)]), [5], "no second suspect");
}

fn what_its_lane_holds_up_takes_no_capacity(world: World<impl Subject>) {
    world.record("evt_1", &[in_lane("a", "ch_1", false)]);
    world.record("evt_2", &[in_lane("a", "ch_1", false)]);
    world.record("evt_3", &[in_lane("a", "ch_2", false)]);
    assert_eq!(world.claim_ids_of(4, &[("a", 2)]), [1, 3]);
    assert_eq!(world.states(), [State::Running, State::Blocked, State::Running]);
}

fn a_serial_lane_runs_one_at_a_time(world: World<impl Subject>) {
    for event in 1..=3 {
        world.record(&format!("evt_{event}"), &[serial("a")]);
    }
    for task in 1..=3 {
        let claim = world.claim_one();
        assert_eq!(claim.ticket.task, task);
        assert!(world.claim(10).is_empty());
        assert!(world.finish(&claim, Disposition::Done));
    }
    assert_eq!(world.states(), [State::Done; 3]);
}

fn a_serial_lane_takes_the_oldest_first(world: World<impl Subject>) {
    world.arrive(created("evt_updated", 20, &[serial("a")]));
    world.arrive(created("evt_deleted", 30, &[serial("a")]));
    world.arrive(created("evt_created", 10, &[serial("a")]));
    world.arrive(created("evt_updated_too", 20, &[serial("a")]));
    world.record("evt_without_a_time", &[serial("a")]);
    let order = [5, 3, 1, 4, 2].map(|task| {
        let claim = world.claim_one();
        assert!(world.finish(&claim, Disposition::Done));
        (claim.ticket.task, task)
    });
    assert!(order.iter().all(|(claimed, expected)| claimed == expected), "{order:?}");
}

fn within_a_second_created_is_first_and_deleted_last(world: World<impl Subject>) {
    let types = ["deleted", "updated", "created", "paused", "created"];
    for (at, verb) in types.iter().enumerate() {
        let (id, event_type) = (format!("evt_{at}"), format!("customer.subscription.{verb}"));
        world.arrive(about("sub_1", &event_type, &id, Some(20), &[serial("a")]));
    }
    world.arrive(about("sub_1", "customer.subscription.deleted", "evt_before", Some(19), &[serial("a")]));
    let order = [6, 3, 5, 2, 4, 1].map(|_| {
        let claim = world.claim_one();
        assert!(world.finish(&claim, Disposition::Done));
        claim.ticket.task
    });
    assert_eq!(order, [6, 3, 5, 2, 4, 1]);
}

fn handlers_of_a_group_share_their_lanes(world: World<impl Subject>) {
    world.arrive(about("sub_1", "customer.subscription.updated", "evt_2", Some(20), &[grouped("on_update")]));
    world.arrive(about("sub_1", "customer.subscription.created", "evt_1", Some(20), &[grouped("on_create")]));
    // One that is not in the group runs beside them.
    world.arrive(about("sub_1", "customer.subscription.paused", "evt_3", Some(20), &[serial("on_pause")]));
    let claims = world.claim(10);
    let which: Vec<_> = claims.iter().map(|claim| claim.handler).collect();
    assert_eq!(which, ["on_create", "on_pause"]);
    assert!(world.record("evt_4", &[at_once(grouped("on_update"))]).is_empty(), "the lane is taken");
    assert!(world.finish(&claims[0], Disposition::Done));
    assert_eq!(world.claim_one().ticket.task, 4, "without a time it comes first");
}

fn a_group_waits_for_the_handler_whose_turn_it_is(world: World<impl Subject>) {
    world.arrive(about("sub_1", "customer.subscription.updated", "evt_2", Some(20), &[grouped("on_update")]));
    world.arrive(about("sub_1", "customer.subscription.created", "evt_1", Some(20), &[grouped("on_create")]));
    assert_eq!(world.claim_ids_of(4, &[("on_update", 4)]), [0; 0], "it is the other handler's turn");
    assert_eq!(world.states(), [State::Blocked, State::Ready]);
    assert_eq!(world.claim_ids_of(4, &[("on_create", 4), ("on_update", 4)]), [2]);
    // The other way round, with the one whose turn it is blocked.
    world.arrive(about("sub_1", "customer.subscription.created", "evt_0", Some(10), &[grouped("on_create")]));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.states(), [State::Blocked, State::Running, State::Blocked]);
    world.arrive(about("sub_1", "customer.subscription.updated", "evt_3", Some(30), &[grouped("on_update")]));
    assert!(world.skip(3));
    assert_eq!(world.states()[3], State::Ready);
}

fn a_serial_lane_lets_others_pass_a_task_in_backoff(world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.record("evt_2", &[serial("a")]);
    world.finish(&world.claim_one(), again_after(SECOND));
    let second = world.claim_one();
    assert_eq!(second.ticket.task, 2);
    world.later(SECOND);
    assert!(world.claim(10).is_empty(), "the lane is taken");
    assert_eq!(world.states(), [State::Blocked, State::Running]);
    world.finish(&second, Disposition::Done);
    assert_eq!(world.claim_one().ticket.task, 1);
}

fn a_strict_lane_waits_for_a_task_in_backoff(world: World<impl Subject>) {
    world.record("evt_1", &[strict("a")]);
    world.record("evt_2", &[strict("a")]);
    world.record("evt_3", &[strict("a")]);
    world.finish(&world.claim_one(), again_after(SECOND));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.states(), [State::Ready, State::Blocked, State::Blocked]);
    assert_eq!(world.next_due(), Some(SECOND));
    world.later(SECOND);
    for task in 1..=3 {
        let claim = world.claim_one();
        assert_eq!(claim.ticket.task, task);
        world.finish(&claim, Disposition::Done);
    }
}

fn a_parked_task_frees_its_lane(world: World<impl Subject>) {
    for lane in [serial, strict] {
        let handler = if lane("a").lane.unwrap().strict { "strict" } else { "serial" };
        world.record(&format!("evt_{handler}_1"), &[lane(handler)]);
        world.record(&format!("evt_{handler}_2"), &[lane(handler)]);
        let first = world.claim_one();
        world.finish(&first, parked());
        let second = world.claim_one();
        assert_eq!(second.ticket.task, first.ticket.task + 1);
        // It comes back into the lane, and waits there like any other.
        assert!(world.retry(first.ticket.task));
        assert!(world.claim(10).is_empty());
        world.finish(&second, skipped());
        world.finish(&world.claim_one(), Disposition::Done);
    }
}

fn lanes_of_other_keys_and_handlers_do_not_wait(world: World<impl Subject>) {
    world.record("evt_1", &[in_lane("a", "ch_1", true), in_lane("b", "ch_1", true)]);
    world.record("evt_2", &[in_lane("a", "ch_2", true), free("c")]);
    world.record("evt_3", &[in_lane("a", "ch_1", true)]);
    assert_eq!(world.claim_ids(10), [1, 2, 3, 4]);
}

fn tasks_without_a_lane_run_side_by_side(world: World<impl Subject>) {
    for event in 1..=3 {
        world.arrive(created(&format!("evt_{event}"), 10 - event, &[free("a")]));
    }
    assert_eq!(world.claim_ids(10), [1, 2, 3]);
}

fn a_long_lane_runs_dry(world: World<impl Subject>) {
    for event in 1..=40 {
        world.record(&format!("evt_{event}"), &[serial("a"), strict("b")]);
    }
    let mut runs = 0;
    loop {
        let claims = world.claim(7);
        if claims.is_empty() {
            break;
        }
        assert!(claims.len() <= 2, "one for each lane");
        runs += claims.len();
        world.finish_each(&claims, &Disposition::Done);
    }
    assert_eq!(runs, 80);
}

fn suspects_run_one_after_the_other_beside_others(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), free("b")]);
    world.record("evt_2", &[serial("a")]);
    assert_eq!(world.claim_ids(10), [1, 2, 3]);
    world.record("evt_3", &[free("a")]);
    let began = world.restart(&["a", "b"]);
    assert_eq!(began, Recovered { suspects: 3, ..Recovered::default() });
    assert_eq!(world.states(), [State::Ready; 4]);
    assert_eq!(world.record("evt_4", &[at_once(free("a"))]).len(), 1, "what arrives is not held up");
    let claims = world.claim(10);
    let which: Vec<_> = claims.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect();
    assert_eq!(which, [(1, 2), (4, 1)], "one suspect, and what was never one");
    assert!(world.claim(10).is_empty(), "the first suspect runs still");
    world.finish(&claims[0], Disposition::Done);
    let second = world.claim_one();
    assert_eq!(second.ticket.task, 2);
    assert!(world.claim(10).is_empty());
    world.finish(&second, again_after(DAY));
    assert_eq!(world.claim_one().ticket.task, 3);
}

fn the_third_crash_convicts(mut world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.record("evt_2", &[serial("a")]);
    for _ in 0..2 {
        assert_eq!(world.claim_ids(10), [1]);
        assert_eq!(world.restart(&["a"]), Recovered { suspects: 1, ..Recovered::default() });
    }
    assert_eq!(world.claim_ids(10), [1]);
    assert_eq!(world.restart(&["a"]), Recovered { poisoned: 1, ..Recovered::default() });
    let convict = world.task(1);
    assert_eq!((convict.state, convict.why, convict.attempt), (State::Parked, Some(ParkReason::Poison), 3));
    assert_eq!(convict.finished_ms, Some(START));
    assert!(convict.error.unwrap().contains("the process ended"));
    assert_eq!(world.attempts("evt_1", 1), [1, 2, 3].map(|attempt| (attempt, AttemptOutcome::Crashed)));
    let next = world.claim_one();
    assert_eq!(next.ticket.task, 2, "the others go on");
    world.finish(&next, Disposition::Done);
    assert_eq!(world.restart(&["a"]), Recovered::default());
    // With the crashes before it forgotten, it is a task like any other.
    assert!(world.retry(1));
    assert_eq!(world.claim_one().attempt, 1);
    assert_eq!(world.restart(&["a"]), Recovered { suspects: 1, ..Recovered::default() });
}

fn after_a_conviction_the_lane_goes_on(mut world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.finish(&world.claim_one(), again_after(DAY));
    for event in ["evt_2", "evt_3", "evt_4"] {
        world.record(event, &[serial("a")]);
    }
    for _ in 0..3 {
        assert_eq!(world.claim_ids(10), [2]);
        world.restart(&["a"]);
    }
    assert_eq!(world.states(), [State::Ready, State::Parked, State::Ready, State::Blocked]);
    assert_eq!(world.claim_ids(10), [3], "a task that waits for its retry holds up no other");
}

fn one_that_is_cleared_runs_in_company(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    for _ in 0..2 {
        world.claim_one();
        world.restart(&["a"]);
    }
    world.record("evt_2", &[free("a")]);
    let accused = world.claim_one();
    let old = Ticket { fence: accused.ticket.fence - 1, ..accused.ticket };
    world.done(|store| store.clear_suspect(old));
    assert!(world.claim(10).is_empty(), "the ticket is not worth anything any more");
    world.done(|store| store.clear_suspect(accused.ticket));
    assert_eq!(world.claim_ids(10), [2]);
    assert_eq!(world.record("evt_3", &[at_once(free("a"))]).len(), 1);
    // That the process ends now is not its crash.
    assert_eq!(world.restart(&["a"]), Recovered { suspects: 3, ..Recovered::default() });
    assert_eq!(world.claim_ids(10), [1]);
    assert_eq!(world.restart(&["a"]), Recovered { poisoned: 1, ..Recovered::default() });
}

fn what_is_cleared_is_not_counted_however_often_its_process_ends(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    for _ in 0..5 {
        let claim = world.claim_one();
        world.done(|store| store.clear_suspect(claim.ticket));
        assert_eq!(world.restart(&["a"]), Recovered { suspects: 1, ..Recovered::default() });
    }
    let claim = world.claim_one();
    world.done(|store| store.clear_suspect(claim.ticket));
    world.finish(&claim, Disposition::Released);
    // The next run is another one.
    for _ in 0..2 {
        world.claim_one();
        assert_eq!(world.restart(&["a"]).poisoned, 0);
    }
    world.claim_one();
    assert_eq!(world.restart(&["a"]).poisoned, 1);
}

fn a_suspect_with_a_taken_lane_lets_the_next_one_start(mut world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.record("evt_2", &[in_lane("a", "ch_2", false)]);
    assert_eq!(world.claim_ids(10), [1, 2]);
    world.restart(&["a"]);
    let first = world.claim_one();
    world.done(|store| store.clear_suspect(first.ticket));
    assert_eq!(world.claim_one().ticket.task, 2, "beside the first, which is not a suspect any more");
    world.finish(&first, Disposition::Released);
    assert!(world.claim(10).is_empty(), "it is one again, as before that run");
    world.done(|store| store.skip(1, "not wanted".to_owned()));
    assert!(world.claim(10).is_empty());
}

fn a_suspect_holds_its_place_in_its_lane(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("b")]);
    world.record("evt_2", &[serial("a")]);
    assert_eq!(world.claim_ids(10), [1, 2]);
    world.record("evt_3", &[serial("a")]);
    world.restart(&["a", "b"]);
    let first = world.claim_one();
    assert_eq!(first.ticket.task, 1);
    assert_eq!(
        world.states()[1..],
        [State::Ready, State::Blocked],
        "the suspect of the lane waits before it"
    );
    world.finish(&first, Disposition::Done);
    let second = world.claim_one();
    assert_eq!(second.ticket.task, 2);
    world.finish(&second, Disposition::Done);
    assert_eq!(world.claim_one().ticket.task, 3);
}

fn a_clock_that_was_wrong_puts_nothing_off_for_years(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    world.record("evt_2", &[free("a")]);
    world.finish(&world.claim(1)[0], again_after(3_650 * DAY));
    world.finish(&world.claim_one(), again_after(DAY));
    world.restart(&["a"]);
    assert_eq!(world.claim_ids(10), [1]);
    assert_eq!(world.next_due(), Some(DAY));
}

fn a_crash_in_company_convicts_none(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    for crash in 0..6 {
        let guilty = world.record(&format!("evt_guilty_{crash}"), &[awaited("b")]);
        assert_eq!(guilty.len(), 1);
        let first = world.claim(10).remove(0);
        assert_eq!(first.ticket.task, 1, "it has the most crashes");
        let began = world.restart(&["a", "b"]);
        assert_eq!(began.poisoned, 0, "an awaited task ran as well");
    }
    world.finish(&world.claim_one(), Disposition::Done);
    assert_eq!(world.task(1).state, State::Done);
}

fn a_run_that_ends_clears_the_suspicion(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    for _ in 0..2 {
        world.claim_one();
        world.restart(&["a"]);
    }
    world.finish(&world.claim_one(), again_after(Duration::ZERO));
    for _ in 0..2 {
        world.claim_one();
        assert_eq!(world.restart(&["a"]).suspects, 1, "counted from the beginning");
    }
    world.claim_one();
    assert_eq!(world.restart(&["a"]).poisoned, 1);
}

fn a_released_suspect_stays_one(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), free("b")]);
    assert_eq!(world.claim_ids(10), [1, 2]);
    world.restart(&["a", "b"]);
    assert!(world.finish(&world.claim_one(), Disposition::Released));
    let suspect = world.claim_one();
    assert_eq!((suspect.ticket.task, suspect.ticket.fence, suspect.attempt), (1, 3, 2));
    world.finish(&suspect, Disposition::Released);
    assert_eq!(world.restart(&["a", "b"]), Recovered::default(), "nothing ran");
    world.finish(&world.claim_one(), Disposition::Done);
    assert_eq!(world.claim_ids(10), [2]);
}

fn only_what_is_awaited_starts_beside_one_that_is_accused(mut world: World<impl Subject>) {
    world.record("evt_1", &[at_once(free("a"))]);
    world.restart(&["a"]);
    assert_eq!(world.record("evt_2", &[at_once(free("b"))]).len(), 1, "the suspect is not accused yet");
    assert_eq!(world.claim_ids(10), [1]);
    world.restart(&["a", "b"]);
    assert!(world.record("evt_3", &[at_once(free("a"))]).is_empty(), "the accused is first");
    assert_eq!(world.record("evt_4", &[awaited("a")]).len(), 1);
    let accused = world.claim_one();
    assert_eq!(accused.ticket.task, 1);
    assert!(world.record("evt_5", &[at_once(free("a"))]).is_empty());
    assert_eq!(world.record("evt_6", &[awaited("a")]).len(), 1);
    world.finish(&accused, Disposition::Done);
    assert_eq!(world.record("evt_7", &[at_once(free("a"))]).len(), 1);
    assert_eq!(world.claim_ids(10), [2, 3, 5]);
}

fn what_leaves_gives_back_its_tasks(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), at_once(free("b"))]);
    let claim = world.claim_one();
    world.done(|store| store.leave());
    assert!(!world.finish(&claim, Disposition::Done));
    assert_eq!(world.restart(&["a", "b"]), Recovered::default(), "that was not a crash");
    assert_eq!(world.states(), [State::Ready; 2]);
    let again = world.claim(10);
    assert!(again.iter().all(|claim| (claim.attempt, claim.ticket.fence) == (1, 2)), "{again:?}");
    assert_eq!(again.len(), 2, "neither is suspect");
}

fn a_released_attempt_does_not_count(world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.record("evt_2", &[serial("a")]);
    let first = world.claim_one();
    assert!(world.finish(&first, Disposition::Released));
    assert_eq!((world.task(1).state, world.task(1).attempt), (State::Ready, 0));
    assert!(!world.finish(&first, Disposition::Done));
    let second = world.claim_one();
    assert_eq!((second.ticket, second.attempt), (Ticket { task: 1, fence: 2 }, 1));
    world.finish(&second, again_after(SECOND));
    world.later(SECOND);
    world.finish(&world.claim_one(), Disposition::Released);
    assert_eq!(world.task(1).error.as_deref(), Some("failed"), "of the attempt before");
}

fn a_task_without_its_handler_waits_for_it(mut world: World<impl Subject>) {
    world.record("evt_1", &[serial("gone"), free("here")]);
    world.record("evt_2", &[serial("gone")]);
    world.record("evt_3", &[free("gone")]);
    let claims = world.claim(10);
    assert_eq!(claims.len(), 3);
    world.finish(&claims[0], again_after(DAY));
    world.finish(&claims[1], parked());
    world.later(SECOND);
    let began = world.restart(&["here"]);
    assert_eq!(began, Recovered { suspects: 1, without_handler: 3, ..Recovered::default() });
    let gone = world.task(1);
    assert_eq!((gone.state, gone.why, gone.error), (State::Parked, Some(ParkReason::NoHandler), None));
    assert_eq!((gone.attempt, gone.finished_ms), (1, Some(START + 1_000)));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.restart(&["here"]), Recovered::default());

    world.later(SECOND);
    assert_eq!(world.restart(&["here", "gone"]), Recovered { resumed: 3, ..Recovered::default() });
    let back = world.task(1);
    assert_eq!((back.state, back.why, back.finished_ms), (State::Ready, None, None));
    assert_eq!(back.due_ms, Some(START + 2_000));
    assert_eq!(world.task(2).why, Some(ParkReason::Exhausted), "parked for another reason");
    let claims = world.claim(10);
    assert_eq!(
        claims.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect::<Vec<_>>(),
        [(1, 2), (4, 2)]
    );
}

fn blocked_tasks_wait_on_after_a_restart(mut world: World<impl Subject>) {
    world.record("evt_1", &[strict("a")]);
    world.record("evt_2", &[strict("a")]);
    world.finish(&world.claim_one(), again_after(SECOND));
    assert!(world.claim(10).is_empty());
    assert_eq!(world.states(), [State::Ready, State::Blocked]);
    assert_eq!(world.restart(&["a"]), Recovered::default());
    assert_eq!(world.states(), [State::Ready, State::Blocked]);
    assert!(world.claim(10).is_empty());
    world.later(SECOND);
    let first = world.claim_one();
    assert_eq!(first.ticket.task, 1);
    world.finish(&first, Disposition::Done);
    assert_eq!(world.claim_ids(10), [2]);
}

fn a_lane_goes_on_when_its_first_task_is_convicted(mut world: World<impl Subject>) {
    world.record("evt_1", &[serial("a")]);
    world.record("evt_2", &[serial("a")]);
    for _ in 0..3 {
        assert_eq!(world.claim_ids(10), [1]);
        world.restart(&["a"]);
    }
    assert_eq!(world.states(), [State::Parked, State::Ready]);
    assert_eq!(world.claim_ids(10), [2]);
}

fn what_is_done_is_freed_in_two_steps(world: World<impl Subject>) {
    world.record("evt_handled", &[free("a"), free("b")]);
    world.record("evt_unhandled", &[]);
    let claims = world.claim(10);
    world.finish(&claims[0], Disposition::Done);
    world.finish(&claims[1], skipped());
    world.later(7 * DAY);
    assert_eq!(world.prune(), Pruned::default(), "kept for that long");
    world.later(Duration::from_millis(1));
    assert_eq!(world.prune(), Pruned { bodies: 1, ..Pruned::default() });
    assert_eq!(world.prune(), Pruned::default());
    assert!(!world.event("evt_handled").unwrap().has_body);
    assert_eq!(world.states(), [State::Done, State::Skipped]);
    assert!(world.again(arrival("evt_handled", &[])), "its body is still told from another");
    world.later(28 * DAY - Duration::from_millis(1));
    assert_eq!(world.prune(), Pruned::default());
    world.later(Duration::from_millis(1));
    assert_eq!(world.prune(), Pruned { events: 2, ..Pruned::default() });
    assert!(world.tasks().is_empty());
    assert!(world.event("evt_handled").is_none() && world.event("evt_unhandled").is_none());
}

fn what_is_parked_is_kept_longer(world: World<impl Subject>) {
    world.record("evt_1", &[free("a"), free("b"), free("c")]);
    let claims = world.claim(10);
    world.finish(&claims[0], Disposition::Done);
    world.finish(&claims[1], parked());
    world.later(30 * DAY);
    world.finish(&claims[2], parked());
    world.later(90 * DAY);
    assert_eq!(world.prune(), Pruned::default());
    assert!(world.event("evt_1").unwrap().has_body);
    world.later(Duration::from_millis(1));
    assert_eq!(world.prune(), Pruned { events: 1, parked: 1, ..Pruned::default() });
    assert!(world.event("evt_1").is_none() && world.tasks().is_empty());
}

fn what_is_open_is_kept_for_ever(world: World<impl Subject>) {
    world.record("evt_ready", &[free("a"), free("ready")]);
    world.record("evt_running", &[free("b"), serial("running")]);
    world.record("evt_blocked", &[free("c"), serial("running")]);
    for claim in world.claim(10) {
        match claim.handler {
            "a" | "c" => assert!(world.finish(&claim, parked())),
            "b" => assert!(world.finish(&claim, Disposition::Done)),
            "ready" => assert!(world.finish(&claim, again_after(DAY))),
            _ => {}
        }
    }
    world.later(1_000 * DAY);
    let before = world.tasks();
    assert_eq!(world.prune(), Pruned::default());
    assert_eq!(world.tasks(), before);
    assert!(world.done(|store| store.events(everything())).iter().all(|event| event.has_body));
}

fn retention_goes_by_when_the_last_task_ended(world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    let claim = world.claim_one();
    world.later(100 * DAY);
    world.finish(&claim, Disposition::Done);
    world.later(7 * DAY);
    assert_eq!(world.prune(), Pruned::default());
    world.later(Duration::from_millis(1));
    assert_eq!(world.prune(), Pruned { events: 1, ..Pruned::default() });
}

fn retention_goes_on_from_its_cursor(world: World<impl Subject>) {
    for event in 1..=501 {
        world.record(&format!("evt_{event}"), &[]);
    }
    world.done(|store| store.quarantine(Bytes::from_static(b"?"), "no object".to_owned()));
    world.later(91 * DAY);
    let from = |cursor| world.done(|store| store.prune(KEEP, cursor));
    assert_eq!(from(500), Pruned { events: 1, ..Pruned::default() });
    assert_eq!(from(0), Pruned { events: 500, quarantined: 1, next: Some(500), ..Pruned::default() });
    assert_eq!(from(500), Pruned::default());
    assert_eq!(world.stats(), Stats::default());
}

fn retention_stops_at_what_is_recent(world: World<impl Subject>) {
    for event in 1..=1_001 {
        world.record(&format!("evt_{event}"), &[]);
        if event == 600 {
            world.later(36 * DAY);
        }
    }
    let from = |cursor| world.done(|store| store.prune(KEEP, cursor));
    assert_eq!(from(0), Pruned { events: 500, next: Some(500), ..Pruned::default() });
    assert_eq!(from(500), Pruned { events: 100, ..Pruned::default() });
}

fn the_end_of_a_run_tells_whether_anything_is_due(world: World<impl Subject>) {
    for (event, task) in [("evt_1", free("a")), ("evt_2", serial("b")), ("evt_3", serial("b"))] {
        world.record(event, &[task]);
    }
    let claims = world.claim(10);
    let [first, second] = &claims[..] else { panic!("{claims:?}") };
    let is_any_due = |claim: &Claim, end| world.done(|store| store.finish(claim.ticket, end)).is_any_due;
    assert!(!is_any_due(first, again_after(SECOND)), "it is due later");
    assert!(is_any_due(second, Disposition::Done), "the next of the lane is due");
    let third = world.claim_one();
    assert!(!is_any_due(&third, Disposition::Done));
    assert!(!is_any_due(&third, Disposition::Done), "asked with a void ticket");
    world.later(SECOND);
    assert!(is_any_due(&third, Disposition::Done));
}

fn an_id_is_not_given_out_again(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    world.finish(&world.claim_one(), Disposition::Done);
    world.done(|store| store.quarantine(Bytes::from_static(b"1"), String::new()));
    let quarantined = world.done(|store| store.quarantined(1))[0].id;
    world.later(100 * DAY);
    world.prune();
    world.restart(&["a"]);
    world.record("evt_1", &[free("a")]);
    assert_eq!(world.event("evt_1").unwrap().cursor, 2);
    assert_eq!(world.claim_one().ticket, Ticket { task: 2, fence: 1 });
    world.done(|store| store.quarantine(Bytes::from_static(b"2"), String::new()));
    assert!(world.done(|store| store.quarantined(1))[0].id > quarantined);
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

fn quarantine_tells_duplicates_by_the_body(mut world: World<impl Subject>) {
    let keep = |world: &World<_>, body: &'static [u8], reason: &str| {
        world.done(|store| store.quarantine(Bytes::from_static(body), reason.to_owned()))
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
    world.later(90 * DAY);
    assert_eq!(world.prune(), Pruned { quarantined: 1, ..Pruned::default() });
    assert!(keep(&world, b"[1]", "no object"));
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

fn stats_count_everything(mut world: World<impl Subject>) {
    assert_eq!(world.stats(), Stats::default());
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
