//! Retention: what is freed, and when.

use super::super::*;

on_every_store! {
    what_is_done_is_freed_in_two_steps,
    what_is_parked_is_kept_longer,
    what_is_open_is_kept_for_ever,
    retention_goes_by_when_the_last_task_ended,
    retention_goes_on_from_its_cursor,
    retention_stops_at_what_is_recent,
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
    world.done(|store| {
        store.quarantine(Bytes::from_static(b"?"), "no object".to_owned(), came_by("/stripe", "new"))
    });
    world.later(91 * DAY);
    let from = |cursor| world.done(|store| store.prune(KEEP, cursor));
    assert_eq!(from(500), Pruned { events: 1, ..Pruned::default() });
    assert_eq!(from(0), Pruned { events: 500, quarantined: 1, next: Some(500), ..Pruned::default() });
    assert_eq!(from(500), Pruned::default());
    let left = Stats { secrets: Vec::new(), ..world.stats() };
    assert_eq!(left, Stats::default());
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
