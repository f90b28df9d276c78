//! Two versions of a program run side by side while one replaces the other, and when it is rolled back.

use std::process::Command;
use std::time::Instant;

use product_tests::{Postgres, Server, SetOnDrop, random_below, until};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, with_inbox};

/// Longer than any deploy in this test takes.
const WAIT: &str = "10m";

fn release(number: usize, database: &Postgres, wait: &str) -> Command {
    let path = [env!("CARGO_BIN_EXE_release_1"), env!("CARGO_BIN_EXE_release_2")][number - 1];
    let mut command = with_inbox(path, &database.url());
    command.env("WEBHOOK_INBOX_MISSING_HANDLER", wait);
    command
}

/// What a newer version's migration does: it only adds, and says that version 1 can still read it.
const NEXT_SCHEMA: &str = "BEGIN; ALTER TABLE webhook.event ADD COLUMN added_later text;
    INSERT INTO webhook.migration (number, sha256) SELECT version + 1, sha256('') FROM webhook.meta;
    UPDATE webhook.meta SET version = version + 1; COMMIT";

/// Every third instance at a time is replaced, to and fro. Nothing is parked that an instance handles.
#[test]
fn deploys_and_rollbacks_park_nothing() {
    let (database, traffic) = (Postgres::start(), Traffic::default());
    let start = |number: usize| traffic.start_as(&mut release(number, &database, WAIT));
    let mut fleet = [(); 3].map(|()| Some(start(1)));
    let (mut deploys, mut newest) = (0, 1);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(6) || traffic.acked() < 100 || deploys < 2 {
            newest = 3 - newest;
            for place in &mut fleet {
                if let Some(former) = place.take() {
                    traffic.avoid(&former);
                    former.stop();
                }
                *place = Some(start(newest));
                let acked = traffic.acked();
                let more = 5 + random_below(20) as usize;
                until("some events were accepted meanwhile", || traffic.acked() > acked + more);
            }
            if deploys == 0 {
                let _ = database.query(NEXT_SCHEMA);
            }
            deploys += 1;
        }
    });
    let parked = || database.query("SELECT count(*) FROM webhook.ended WHERE state = 5");
    assert_eq!(parked(), "0", "after {deploys} deploys");
    // Those that were left waiting go on when their handlers are back.
    let other = start(3 - newest);
    traffic.assert_nothing_lost(&database);
    assert_eq!(parked(), "0", "after {deploys} deploys");
    println!("{deploys} deploys: {} events answered with 200", traffic.acked());
    for server in fleet.into_iter().flatten().chain([other]) {
        server.stop();
    }
}

/// A handler that no instance has any more is missed after a while, although there are several instances.
#[test]
fn tasks_of_a_dropped_handler_are_parked_after_a_while() {
    let (database, traffic) = (Postgres::start(), Traffic::default());
    let waiting = "INSERT INTO webhook.task (event_seq, handler, scope, moment, strict, state, due_ms)
                   VALUES (1, 'dropped', 'dropped', 0, false, 0, 0)";
    let start = |number: usize| -> Server { traffic.start_as(&mut release(number, &database, "1s")) };
    let fleet = [start(2), start(2)];
    let _ = database.query(waiting);
    until("it is parked", || {
        database.query("SELECT why FROM webhook.ended WHERE handler = 'dropped' AND state = 5") == "3"
    });
    for server in fleet {
        server.stop();
    }
}
