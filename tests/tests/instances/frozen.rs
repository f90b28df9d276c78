//! Instances are stopped for longer than their lease lasts, and go on as if nothing had happened.

use std::process::Command;
use std::time::Instant;

use product_tests::{EFFECT_TABLE, Postgres, SetOnDrop, random_below, until};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, assert_exactly_once, durable, transactional};

/// An instance is frozen until the other one has taken its tasks over.
#[test]
fn an_instance_that_is_frozen_loses_its_tasks() {
    let database = Postgres::start();
    freeze(&database, durable);
}

/// The same, with effects in the transactions that end the tasks: none is missing, and none is there twice.
#[test]
fn effects_in_transactions_survive_freezes_exactly_once() {
    let database = Postgres::start();
    let _ = database.query(EFFECT_TABLE);
    freeze(&database, transactional);
    assert_exactly_once(&database);
}

/// Lets two instances receive, and freezes one or the other again and again, each until it was taken for dead.
fn freeze(database: &Postgres, program: impl Fn(&str) -> Command) {
    let traffic = Traffic::default();
    let fleet = [(); 2].map(|()| traffic.start_as(&mut program(&database.url())));
    let instances = || database.query("SELECT count(*) FROM webhook.instance");
    let since = Instant::now();
    let mut freezes = 0;
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        while since.elapsed() < seconds(6) || traffic.acked() < 100 || freezes < 2 {
            std::thread::sleep(std::time::Duration::from_millis(200 + random_below(800)));
            let frozen = &fleet[random_below(2) as usize];
            traffic.avoid(frozen);
            frozen.process.signal("STOP");
            until("the other one takes it for dead", || instances() == "1");
            frozen.process.signal("CONT");
            until("it has joined again", || instances() == "2");
            traffic.find(frozen);
            freezes += 1;
        }
    });
    traffic.assert_nothing_lost(database);
    let taken = database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3");
    println!("{freezes} freezes: {} events answered with 200, {taken} runs taken over", traffic.acked());
    for server in fleet {
        let log = server.stop().stderr;
        assert!(!log.contains("panicked"), "{log}");
    }
}
