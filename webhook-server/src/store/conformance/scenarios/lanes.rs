//! Order: lanes, and the groups that share them.

use super::super::*;

on_every_store! {
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
