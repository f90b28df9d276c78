//! A transaction that stays open keeps the server from removing any version of a row that has changed since. Meanwhile,
//! instances receive and handle as fast as before it, and after it.
//!
//! `CHAOS_SECONDS` says for how long it is open, and `CHAOS_RATE` how many events arrive in a second; half an hour and 500 are
//! for a night, or a release. Only then does it matter.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use product_tests::{Client, Delivery, PATIENCE, Postgres, SetOnDrop, random_below, until_within};

use crate::chaos::seconds;
use crate::fleet::{Traffic, durable};

const INSTANCES: usize = 2;

/// How many senders there are, and how many events they send in a second altogether. A machine that cannot take as many tells
/// nothing.
const SENDERS: usize = 16;
const USUAL_RATE: u64 = 100;

/// How many events there are about each object, all at once: one starts when it arrives, and the others must be claimed.
const OF_OBJECT: u64 = 2;

/// A run in which the transaction is open for less than this tells nothing about the time that claims take.
const LONG: Duration = Duration::from_secs(5 * 60);

/// How much longer claims may take then.
const SLOWER: u64 = 3;

/// When an instance tells of the transaction at the latest: it waits for ten minutes, and looks once a minute.
const TOLD_AFTER: Duration = Duration::from_secs(12 * 60);

/// A transaction that is open and sees everything as it was at its beginning.
struct Snapshot {
    client: Child,
    /// Its process in the server.
    pid: String,
}

impl Snapshot {
    fn open(database: &Postgres) -> Self {
        let mut psql: Command = database.client();
        let mut client = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut input = client.stdin.as_ref().expect("it is piped");
        writeln!(input, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_backend_pid();").expect("it reads");
        let mut pid = String::new();
        BufReader::new(client.stdout.as_mut().expect("it is piped")).read_line(&mut pid).expect("it answers");
        Self { client, pid: pid.trim_end().to_owned() }
    }

    /// Ends it, checks that it was open until now, and returns its process.
    fn end(mut self) -> String {
        drop(self.client.stdin.take());
        assert!(self.client.wait().is_ok_and(|status| status.success()), "it was ended before");
        self.pid
    }
}

#[test]
fn a_transaction_that_stays_open_does_not_slow_claims_down() {
    // As an operator would have it, but for the time between two vacuums.
    let database = Postgres::start_with(&["autovacuum=on", "autovacuum_naptime=10s", "shared_buffers=256MB"]);
    let traffic = Traffic::default();
    let fleet = [(); INSTANCES].map(|()| {
        let mut program = durable(&database.url());
        traffic.start_as(
            program.env("RUST_LOG", "warn,webhook_server::command=info").env("WEBHOOK_INBOX_LEASE", "20s"),
        )
    });
    let wanted = std::env::var("CHAOS_RATE").ok();
    let rate = wanted.map_or(USUAL_RATE, |text| text.parse().expect("CHAOS_RATE is a number"));
    let open_for = seconds(3);
    let healthy_for = (open_for / 10).max(Duration::from_secs(2));
    let (sent, acked, ends) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let (times, pinned, told) = std::thread::scope(|scope| {
        let _end = SetOnDrop(&ends);
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut clients = [(); INSTANCES].map(|()| Client::default());
                while !ends.load(Ordering::Relaxed) {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    let object = number / OF_OBJECT;
                    let time = Duration::from_micros(object * OF_OBJECT * 1_000_000 / rate);
                    std::thread::sleep(time.saturating_sub(began.elapsed()));
                    let delivery = Delivery::new("payment_intent.canceled", number, object, 1000);
                    let to = random_below(INSTANCES as u64) as usize;
                    let told = clients[to].post(fleet[to].address, delivery.body.as_bytes());
                    if told.is_ok_and(|told| told.status == 200) {
                        acked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let first = now(&database);
        std::thread::sleep(healthy_for);
        let snapshot = Snapshot::open(&database);
        let opened = now(&database);
        std::thread::sleep(open_for);
        let pinned = dead_rows(&database);
        let ended = now(&database);
        let told = format!("a transaction (pid {},", snapshot.end());
        std::thread::sleep(healthy_for);
        ([first, opened, ended, now(&database)], pinned, told)
    });
    let held = acked.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    until_within(PATIENCE, "no task is open", || database.query("SELECT count(*) FROM webhook.task") == "0");
    let unhandled = database.query(
        "SELECT count(*) FROM webhook.event e
         WHERE NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.state = 3)",
    );
    assert_eq!(unhandled, "0");
    assert!(pinned > 0, "nothing was kept for the transaction");
    assert_eq!(dead_rows(&database), 0, "something else keeps dead rows");

    let [first, opened, ended, last] = times;
    // The first tasks wait for connections.
    let before = Claimed::between(&database, first.midpoint(opened), opened);
    let after = Claimed::between(&database, ended, last);
    let whole = Claimed::between(&database, opened, ended);
    let end = Claimed::between(&database, ended - (ended - opened) / 10, ended);
    println!(
        "{held:.0} of {rate} events a second; from the arrival to the end of tasks that were claimed: {before:?} before, \
         {whole:?} in {open_for:.0?} with an open transaction, {end:?} in the last tenth of it, {after:?} after it; \
         {pinned} dead rows of open tasks"
    );
    let are_told = fleet.map(|server| server.stop().stderr.contains(&told));
    if open_for >= TOLD_AFTER {
        assert!(are_told.contains(&true), "no instance has told of the transaction");
    }
    if open_for >= LONG {
        let healthy = before.usual_p99.max(after.usual_p99);
        assert!(healthy > 0, "too few tasks were claimed to tell");
        assert!(whole.usual_p99.max(end.usual_p99) <= SLOWER * healthy, "claims are slower");
    }
}

/// The server's time, in milliseconds.
fn now(database: &Postgres) -> u64 {
    let now = database.query("SELECT (extract(epoch FROM now()) * 1000)::bigint");
    now.parse().expect("it is a number")
}

/// How many dead rows of open tasks cannot be removed.
fn dead_rows(database: &Postgres) -> u64 {
    let _ = database.query("VACUUM webhook.task");
    let dead = database.query("SELECT pg_stat_get_dead_tuples('webhook.task'::regclass)");
    dead.parse().expect("it is a number")
}

/// How long it took to handle tasks that did not start when they arrived, in milliseconds.
#[derive(Debug)]
struct Claimed {
    #[expect(dead_code, reason = "it is printed")]
    tasks: u64,
    #[expect(dead_code, reason = "it is printed")]
    p50: u64,
    #[expect(dead_code, reason = "it is printed")]
    p99: u64,
    /// The median of the p99 of each ten seconds: whatever else the machine does now and then is not in it.
    usual_p99: u64,
}

impl Claimed {
    /// Looks at events that arrived between two times of the server's clock.
    fn between(database: &Postgres, from: u64, to: u64) -> Self {
        let row = database.query(&format!(
            "WITH claimed AS MATERIALIZED (
                 SELECT e.received_ms, t.finished_ms - e.received_ms AS took
                 FROM webhook.ended t JOIN webhook.event e ON e.seq = t.event_seq
                 WHERE t.started_ms > e.received_ms AND e.received_ms >= {from} AND e.received_ms < {to}),
             period AS (
                 SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY took) AS p99
                 FROM claimed GROUP BY (received_ms - {from}) / 10000)
             SELECT (SELECT count(*) FROM claimed), percentile_disc(0.5) WITHIN GROUP (ORDER BY took),
                    percentile_disc(0.99) WITHIN GROUP (ORDER BY took),
                    (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY p99) FROM period)
             FROM claimed"
        ));
        let mut numbers = row.split('|').map(|number| number.parse().unwrap_or_default());
        let mut next = || numbers.next().unwrap_or_default();
        Self { tasks: next(), p50: next(), p99: next(), usual_p99: next() }
    }
}
