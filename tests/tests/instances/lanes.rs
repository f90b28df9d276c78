//! Many events about few objects, at several instances: no two runs of a handler on one object overlap, and no task is
//! forgotten in a lane.
//!
//! `CHAOS_SECONDS` says for how long events are sent; usually, a few hundred are.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use product_tests::{Client, Delivery, PATIENCE, Postgres, random_below, scratch, until_within};
use rusqlite::Connection;

use crate::chaos::seconds;
use crate::fleet::{Traffic, durable};

const INSTANCES: usize = 6;

/// How many senders there are, and how many objects their events are about.
const SENDERS: usize = 12;
const OBJECTS: u64 = 5;

/// How many events are sent at least.
const USUALLY: usize = 300;

/// How many events may be open, or nearly so. More would wait for their lanes, and the test for them.
const OPEN: u64 = 300;

#[test]
fn runs_of_contended_lanes_never_overlap_and_none_is_forgotten() {
    let (database, traffic) = (Postgres::start_with(&["autovacuum=on"]), Traffic::default());
    let effects = scratch("lanes");
    let made = std::fs::remove_dir_all(&effects).and_then(|()| std::fs::create_dir_all(&effects));
    made.expect("the folder is ours");
    let effects = effects.join("effects.db");
    // What is forgotten is swept after a lease. With a short one, that finds also what is only slow.
    let start = || {
        let mut program = durable(&database.url());
        traffic.start_as(program.env("DURABLE_EFFECTS", &effects).env("WEBHOOK_INBOX_LEASE", "60s"))
    };
    let fleet = [(); INSTANCES].map(|()| start());
    let (sent, permitted, acked) = (AtomicU64::new(0), AtomicU64::new(OPEN), AtomicUsize::new(0));
    let since = Instant::now();
    let receives = || since.elapsed() < seconds(0) || acked.load(Ordering::SeqCst) < USUALLY;
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut clients = [(); INSTANCES].map(|()| Client::default());
                while receives() {
                    if sent.load(Ordering::SeqCst) >= permitted.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    }
                    let number = sent.fetch_add(1, Ordering::SeqCst);
                    let delivery =
                        Delivery::new("payment_intent.succeeded", number, random_below(OBJECTS), 0);
                    let to = random_below(INSTANCES as u64) as usize;
                    let told = clients[to].post(fleet[to].address, delivery.body.as_bytes());
                    // What waits is refused when it is too much, and a connection that was idle for long is closed.
                    if told.is_ok_and(|told| told.status == 200) {
                        acked.fetch_add(1, Ordering::SeqCst);
                    } else {
                        std::thread::sleep(Duration::from_millis(random_below(50)));
                    }
                }
            });
        }
        while receives() {
            let before = sent.load(Ordering::SeqCst);
            let open = database.query("SELECT count(DISTINCT event_seq) FROM webhook.task");
            let open = open.parse::<u64>().expect("it is a number");
            permitted.store(before + OPEN.saturating_sub(open), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let received_in = since.elapsed();
    // As long as the lanes move, nothing is stuck.
    let open = || database.query("SELECT count(*) FROM webhook.task");
    let mut left = open();
    while left != "0" {
        until_within(PATIENCE, "the lanes move", || open() != left);
        left = open();
    }
    let handled_in = since.elapsed();
    let ended = database.query("SELECT state, count(*) FROM webhook.ended GROUP BY 1");
    let (acked, stored) = (acked.into_inner(), database.query("SELECT count(*) FROM webhook.event"));
    let stored = stored.parse::<usize>().expect("it is a number");
    assert!(stored >= acked, "{acked} events were accepted, and {stored} are stored");
    assert_eq!(ended, format!("3|{}", 2 * stored), "each event has two tasks, which are done");
    for server in fleet {
        let log = server.stop().stderr;
        let swept: Vec<_> = log.lines().filter(|line| line.contains("were blocked in lanes")).collect();
        assert!(swept.is_empty(), "{swept:?}");
    }
    // What is between two runs: the end's commit, the look at the lane, and the next claim.
    let between = database.query(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), percentile_disc(0.99) WITHIN GROUP (ORDER BY ms) FROM (
             SELECT started_ms - lag(finished_ms) OVER (PARTITION BY scope, lane ORDER BY started_ms) AS ms
             FROM webhook.ended) between_two",
    );
    let (p50, p99) = between.split_once('|').expect("there are two columns");
    let (overlaps, most) = overlaps(&Connection::open(&effects).expect("the programs have made it"));
    println!(
        "{acked} events of {OBJECTS} objects in {received_in:.1?}, handled after {handled_in:.1?} ({:.0} tasks/s): \
         {overlaps} overlaps, 0 stuck, 0 swept; the longest row of one instance in a lane was {most}; between two runs of a \
         lane were {p50} ms (p50) and {p99} ms (p99)",
        2.0 * stored as f64 / handled_in.as_secs_f64()
    );
    assert_eq!(overlaps, 0);
}

/// How many runs began before another one of their lane had ended, and how many runs of a lane one instance had in a row.
fn overlaps(effects: &Connection) -> (u64, u64) {
    let sql = "SELECT lane, boot, what FROM run ORDER BY lane, id";
    let mut notes = effects.prepare(sql).expect("there is such a table");
    let notes = notes
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)));
    let (mut of, mut running, mut in_a_row, mut overlaps, mut most) = ((String::new(), 0), false, 0, 0, 0);
    for note in notes.expect("it can be read") {
        let (lane, boot, what) = note.expect("it has these types");
        if lane != of.0 {
            running = false;
        }
        let begins = what == "began";
        overlaps += u64::from(begins == running);
        running = begins;
        in_a_row = if (&*lane, boot) == (&*of.0, of.1) { in_a_row + u64::from(begins) } else { 1 };
        most = most.max(in_a_row);
        of = (lane, boot);
    }
    (overlaps, most)
}
