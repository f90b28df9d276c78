//! The connections between an instance and its database are cut at each message of an instance's whole life, in each
//! direction: before it, in the middle of it, or by a network that falls silent.
//!
//! Usually, a few places are tried, which depend on `CHAOS_SEED`. With `CHAOS_SECONDS`, all are, as far as that time allows.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use product_tests::{
    Client, Delivery, Direction, EFFECT_TABLE, Ended, Fate, Postgres, Proxy, Server, random_below, schema,
    scratch, until,
};
use rusqlite::Connection;

use crate::fleet::{durable, transactional};

/// How many places are tried usually.
const USUALLY: usize = 12;

/// How many lives there are at a time.
const TOGETHER: usize = 6;

/// How long a network is silent before an end notices. The server's end notices later, and keeps its locks until then.
const SILENCE: Duration = Duration::from_secs(2);

/// How long an instance is left alone after a cut, in which it goes on as if nothing had happened.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Which program lives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Durable,
    /// Its transactions are cut, too.
    Transactional,
}

/// Where a life's connections are cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    direction: Direction,
    /// The number of the message, from 0, of all connections.
    message: u64,
    how: Fate,
}

/// Counts the messages of all connections, and cuts at one of them.
#[derive(Debug, Default)]
struct Counter {
    passed: [AtomicU64; 2],
    has_cut: AtomicBool,
}

impl Counter {
    fn fate(&self, direction: Direction, cut: Option<Cut>) -> Fate {
        let number = self.passed[direction as usize].fetch_add(1, Ordering::SeqCst);
        match cut {
            Some(cut) if cut.direction == direction && cut.message == number => {
                self.has_cut.store(true, Ordering::SeqCst);
                cut.how
            }
            _ => Fate::Pass,
        }
    }

    fn passed(&self) -> [u64; 2] {
        [0, 1].map(|direction| self.passed[direction].load(Ordering::SeqCst))
    }
}

/// What became of a life.
struct Lived {
    counter: Arc<Counter>,
    /// Whether there was something left to do for another instance.
    left_work: bool,
}

/// Lives once: joins a new inbox, receives each of some events twice, handles them, retries one, renews its lease, and leaves.
/// Then another instance does what is left, and everything must be as if there had been no cut.
fn live(database: &Postgres, kind: Kind, life: u64, cut: Option<Cut>) -> Lived {
    let schema = schema();
    let counter = Arc::new(Counter::default());
    let proxy = Proxy::start(database, {
        let counter = Arc::clone(&counter);
        move || {
            let counter = Arc::clone(&counter);
            move |direction, _: &[u8]| counter.fate(direction, cut)
        }
    });
    let effects = scratch("cuts").join(format!("{life}.db"));
    let program = |url: &str| -> Command {
        let mut program = match kind {
            Kind::Durable => durable(url),
            Kind::Transactional => transactional(url),
        };
        program.env("WEBHOOK_INBOX_SCHEMA", &schema).env("DURABLE_EFFECTS", &effects);
        program
    };
    let query = |sql: &str| database.query(&sql.replace("webhook.", &format!("{schema}.")));

    let server = Server::from_command(&mut program(&proxy.url()), &[]);
    let events =
        [("payment_intent.succeeded", 1), ("payment_intent.created", 1), ("payment_intent.succeeded", 2)];
    let mut client = Client::default();
    for (number, (event_type, object)) in (life * 10..).zip(events) {
        let delivery = Delivery::new(event_type, number, object, 0);
        for _ in 0..2 {
            until("it is accepted", || {
                client.post(server.address, delivery.body.as_bytes()).is_ok_and(|told| told.status == 200)
            });
        }
    }
    let open = || query("SELECT count(*) FROM webhook.task") != "0";
    let mut cut_at = None;
    until("nothing is open, or it has gone on for a while after the cut", || {
        let has_cut = counter.has_cut.load(Ordering::SeqCst);
        let cut_at = cut_at.get_or_insert_with(Instant::now);
        !open() || has_cut && cut_at.elapsed() > AFTERWARDS
    });
    let mut logs = vec![server.stop()];
    let left_work = open();
    if left_work {
        let other = Server::from_command(&mut program(&database.url()), &[]);
        until("another instance has done the rest", || !open());
        logs.push(other.stop());
    }

    let tasks = query(
        "SELECT e.type, t.handler, t.state, count(*) FROM webhook.ended t JOIN webhook.event e ON e.seq = t.event_seq
         GROUP BY 1, 2, 3 ORDER BY 1, 2",
    );
    match kind {
        Kind::Transactional => {
            assert_eq!(
                tasks,
                "payment_intent.created|transactional::effect|3|1\npayment_intent.succeeded|transactional::effect|3|2"
            );
            let wrong = query(
                "SELECT event_id, (SELECT count(*) FROM effect f WHERE f.event_id = e.event_id) FROM webhook.event e
                 WHERE (SELECT count(*) FROM effect f WHERE f.event_id = e.event_id) <> 1",
            );
            assert_eq!(wrong, "", "an event, and how often its effect is there");
        }
        Kind::Durable => {
            assert_eq!(
                tasks,
                "payment_intent.created|durable::second_time|3|1\npayment_intent.created|durable::transactional|3|1\n\
                 payment_intent.succeeded|durable::plain|3|2\npayment_intent.succeeded|durable::transactional|3|2"
            );
            // Where the network was silent, the lease may have been lost, and with it a run whose end was not stored.
            if !matches!(cut, Some(Cut { how: Fate::Silence(_), .. })) {
                assert_no_run_twice(&Connection::open(&effects).expect("the program has made it"));
            }
        }
    }
    for Ended { stderr, .. } in logs {
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let _ = std::fs::remove_file(effects);
    Lived { counter, left_work }
}

/// Checks that each attempt ran once.
fn assert_no_run_twice(effects: &Connection) {
    let twice = "SELECT group_concat(event_id || ' ' || handler || ' ' || attempt, char(10)) FROM (
                     SELECT * FROM run WHERE what = 'began' GROUP BY event_id, handler, attempt HAVING count(*) > 1)";
    let twice: Option<String> = effects.query_row(twice, [], |row| row.get(0)).expect("it can be read");
    assert_eq!(twice, None, "ran twice");
    let attempts =
        "SELECT group_concat(DISTINCT handler || ' ' || attempt) FROM run WHERE what = 'began' ORDER BY 1";
    let attempts: Option<String> = effects.query_row(attempts, [], |row| row.get(0)).expect("it can be read");
    let mut attempts: Vec<_> = attempts.as_deref().unwrap_or_default().split(',').collect();
    attempts.sort_unstable();
    assert_eq!(attempts, ["durable::plain 1", "durable::second_time 1", "durable::second_time 2"]);
}

/// A number that looks random, and follows from another one.
fn mix(mut number: u64) -> u64 {
    for factor in [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB] {
        number = (number ^ (number >> 30)).wrapping_mul(factor);
    }
    number ^ (number >> 31)
}

/// Whether an instance is cut off from its database, at whichever message and in whatever way: what it acknowledged is there,
/// each run happens once, and each effect in a transaction is there once.
#[test]
fn a_connection_can_be_cut_at_any_message() {
    let database = Postgres::start();
    let _ = database.query(EFFECT_TABLE);
    std::fs::create_dir_all(scratch("cuts")).expect("the target folder can be written to");
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| random_below(1 << 32));
    println!("CHAOS_SEED={seed}");

    let mut cuts = Vec::new();
    let kinds = [Kind::Durable, Kind::Transactional];
    let whole = std::thread::scope(|scope| {
        let lives = kinds.map(|kind| {
            scope.spawn({
                let database = &database;
                move || live(database, kind, kind as u64, None)
            })
        });
        lives.map(|life| life.join().expect("without a cut, all is well").counter.passed())
    });
    for (kind, passed) in kinds.into_iter().zip(whole) {
        println!("{kind:?}: {passed:?} messages to the server and to the client");
        for direction in [Direction::ToServer, Direction::ToClient] {
            cuts.extend((0..passed[direction as usize]).map(|message| {
                let how = match mix(seed ^ (message << 2 | (direction as u64) << 1 | kind as u64)) % 10 {
                    0..6 => Fate::Cut,
                    6..8 => Fate::CutWithin,
                    _ => Fate::Silence(SILENCE),
                };
                (kind, Cut { direction, message, how })
            }));
        }
    }
    cuts.sort_by_cached_key(|(kind, cut)| {
        mix(seed.rotate_left(32) ^ (cut.message << 2 | (cut.direction as u64) << 1 | *kind as u64))
    });
    let limit = std::env::var("CHAOS_SECONDS").ok().map(|_| crate::chaos::seconds(0));
    let all = cuts.len();
    if limit.is_none() {
        cuts.truncate(USUALLY);
    }

    let (next, left, made) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let since = Instant::now();
    std::thread::scope(|scope| {
        let lives = [(); TOGETHER].map(|()| {
            scope.spawn(|| {
                while limit.is_none_or(|limit| since.elapsed() < limit) {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some((kind, cut)) = cuts.get(at) else { return };
                    let life =
                        std::panic::AssertUnwindSafe(|| live(&database, *kind, 10 + at as u64, Some(*cut)));
                    match std::panic::catch_unwind(life) {
                        Ok(lived) => {
                            left.fetch_add(usize::from(lived.left_work), Ordering::SeqCst);
                            made.fetch_add(
                                usize::from(lived.counter.has_cut.load(Ordering::SeqCst)),
                                Ordering::SeqCst,
                            );
                        }
                        Err(_) => panic!("CHAOS_SEED={seed}, life {at}: {kind:?}, {cut:?}"),
                    }
                }
            })
        });
        let ended = lives.map(|life| life.join().is_ok());
        assert!(ended.iter().all(|good| *good), "CHAOS_SEED={seed}");
    });
    let lived = next.into_inner().min(cuts.len());
    println!(
        "{lived} lives with {} cuts at {all} messages, {} of which left something to another instance, in {:.0?}",
        made.into_inner(),
        left.into_inner(),
        since.elapsed()
    );
}
