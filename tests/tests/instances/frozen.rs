//! Instances are stopped for longer than their lease lasts, and go on as if nothing had happened.
//!
//! `CHAOS_SECONDS` says for how long they are. A night's run has five hundred freezes.

use std::process::Command;
use std::time::{Duration, Instant};

use product_tests::{EFFECT_TABLE, Postgres, Server, SetOnDrop, random_below, until};

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

/// How many instances there are.
const INSTANCES: u64 = 4;

/// Lets some instances receive, and freezes one or several of them again and again, each until it was taken for dead.
fn freeze(database: &Postgres, program: impl Fn(&str) -> Command) {
    let traffic = Traffic::default();
    let mut fleet: Vec<Server> =
        (0..INSTANCES).map(|_| traffic.start_as(&mut program(&database.url()))).collect();
    let instances = || database.query("SELECT count(*) FROM webhook.instance");
    let since = Instant::now();
    let (mut rounds, mut freezes) = (0, 0);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        while since.elapsed() < seconds(6) || traffic.acked() < 100 || rounds < 2 {
            std::thread::sleep(Duration::from_millis(200 + random_below(800)));
            let turn = random_below(INSTANCES) as usize;
            fleet.rotate_left(turn);
            // One at least goes on, and has to take over from the others.
            let frozen = &fleet[..1 + random_below(INSTANCES - 1) as usize];
            for server in frozen {
                std::thread::sleep(Duration::from_millis(random_below(300)));
                traffic.avoid(server);
                server.process.signal("STOP");
            }
            let others = fleet.len() - frozen.len();
            until("they are taken for dead", || instances() == others.to_string());
            for server in frozen {
                server.process.signal("CONT");
            }
            until("they have joined again", || instances() == fleet.len().to_string());
            for server in frozen {
                traffic.find(server);
            }
            rounds += 1;
            freezes += frozen.len();
        }
    });
    traffic.assert_nothing_lost(database);
    let taken = database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3");
    println!(
        "{freezes} freezes in {rounds} rounds: {} events answered with 200, {taken} runs taken over",
        traffic.acked()
    );
    for server in fleet {
        let log = server.stop().stderr;
        assert!(!log.contains("panicked"), "{log}");
    }
}
