//! Runs: claims, tickets, retries, and what a restart leaves.

use super::super::*;

on_every_store! {
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
    a_clock_that_was_wrong_puts_nothing_off_for_years,
    what_leaves_gives_back_its_tasks,
    a_released_attempt_does_not_count,
    a_task_without_its_handler_waits_for_it,
    blocked_tasks_wait_on_after_a_restart,
    the_end_of_a_run_tells_whether_anything_is_due,
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

fn a_clock_that_was_wrong_puts_nothing_off_for_years(mut world: World<impl Subject>) {
    world.record("evt_1", &[free("a")]);
    world.record("evt_2", &[free("a")]);
    world.finish(&world.claim(1)[0], again_after(3_650 * DAY));
    world.finish(&world.claim_one(), again_after(DAY));
    world.restart(&["a"]);
    assert_eq!(world.claim_ids(10), [1]);
    assert_eq!(world.next_due(), Some(DAY));
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
