//! Crashes: suspects, and how one is convicted or cleared.

use super::super::*;

on_every_store! {
    suspects_run_one_after_the_other_beside_others,
    the_third_crash_convicts,
    after_a_conviction_the_lane_goes_on,
    a_lane_goes_on_when_its_first_task_is_convicted,
    one_that_is_cleared_runs_in_company,
    what_is_cleared_is_not_counted_however_often_its_process_ends,
    a_suspect_with_a_taken_lane_lets_the_next_one_start,
    a_suspect_holds_its_place_in_its_lane,
    a_crash_in_company_convicts_none,
    a_run_that_ends_clears_the_suspicion,
    a_released_suspect_stays_one,
    only_what_is_awaited_starts_beside_one_that_is_accused,
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
