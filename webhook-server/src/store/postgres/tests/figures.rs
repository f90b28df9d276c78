//! How fast the store is, beside `pgbench` on the same server in the same run. These are figures, not checks:
//!
//! ```sh
//! cargo test --release -p webhook-server --features postgres --lib figures -- --ignored --nocapture --test-threads 1
//! ```
//!
//! The server's files are in memory, and each of its syncs lasts a millisecond longer: the syncs of a real
//! disk vary too much for ratios. What makes the events, the store and the server share the processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use test_postgres::Postgres as Server;
use tokio::task::JoinSet;

use crate::store::clock::StoreClock;
use crate::store::conformance::{arrival, at_once, capacity, changed, free};
use crate::store::postgres::Postgres;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::open::OTHER_CONNECTIONS;
use crate::store::postgres::opener::Opener;
use crate::store::postgres::recover::Program;
use crate::store::postgres::session::Timing;
use crate::store::{Disposition, NewEvent, NewTask, RecordResult, Store, Ticket};

/// The bytes of a body, as many as a middling object of Stripe's has.
const BODY: usize = 3_800;

/// How long each measurement lasts, and how often it is taken. The median counts.
const SPAN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

const HANDLER: &str = "a";

fn opener(server: &Server) -> Arc<Opener> {
    Arc::new(Opener::new(&server.url(), "webhook", true, None).expect("the URL is right"))
}

/// An instance with this many connections for what arrives.
async fn instance(server: &Server, arriving: usize) -> Arc<Postgres> {
    let program = Program { name: "figures".to_owned(), version: "1".to_owned(), slots: 1_000 };
    let timing = Timing::with_lease(Duration::from_secs(3_600));
    let (clock, connections) = (StoreClock::system(0), arriving + OTHER_CONNECTIONS);
    let store = Arc::new(Postgres::new(opener(server), program, timing, clock, connections));
    store.recover(Arc::new([HANDLER])).await.expect("it joins");
    store
}

/// An event that no other is equal to, with a task that starts at once.
fn event() -> NewEvent {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let task =
        NewTask { object: Some(format!("|pi_{number}")), moment: 1_800_000_000, ..at_once(free(HANDLER)) };
    let event =
        NewEvent { object_id: Some(format!("pi_{number}")), ..arrival(&format!("evt_{number}"), &[task]) };
    changed(event, |envelope| envelope.body = Bytes::from(format!("{number:0BODY$}")))
}

/// Calls `once` repeatedly from this many clients. Returns the calls per second, and the 99th percentile of their durations.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    clients: usize,
    once: impl Fn() -> F + Clone + Send + 'static,
) -> (f64, Duration) {
    let since = Instant::now();
    let client = |once: Box<dyn Fn() -> F + Send>| async move {
        let mut took = Vec::new();
        while since.elapsed() < SPAN {
            let before = Instant::now();
            once().await;
            took.push(before.elapsed());
        }
        took
    };
    let clients: JoinSet<_> = (0..clients).map(|_| client(Box::new(once.clone()))).collect();
    let mut took: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    let span = since.elapsed();
    took.sort_unstable();
    (took.len() as f64 / span.as_secs_f64(), took[took.len() * 99 / 100])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn record(store: &Postgres) -> Ticket {
    match store.record(event()).await.expect("it is stored") {
        RecordResult::New { started, .. } => started[0].ticket,
        known @ RecordResult::Duplicate { .. } => panic!("{known:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn figures_of_storing() {
    println!(
        "| deliveries at once | connections | pgbench/s | stored/s | ratio | p99 |\n|---|---|---|---|---|---|"
    );
    for (clients, peers) in [(16, 16), (64, 64), (256, 64)] {
        for arriving in [1, 3, 4] {
            let (mut peer, mut ours, mut ratios, mut slowest) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let server = Server::start_with_slow_syncs();
                let tps = server.pgbench(peers, BODY, SPAN);
                let store = instance(&server, arriving).await;
                let once = move || {
                    let store = Arc::clone(&store);
                    async move {
                        record(&store).await;
                    }
                };
                let (stored, p99) = rate(clients, once).await;
                peer.push(tps);
                ours.push(stored);
                ratios.push(stored / tps);
                slowest.push(p99.as_secs_f64() * 1e3);
            }
            println!(
                "| {clients} | {arriving} | {:.0} | {:.0} | {:.2} | {:.0} ms |",
                median(peer),
                median(ours),
                median(ratios),
                median(slowest)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn figures_of_whole_lives() {
    println!("| deliveries at once | instances | stored, run and ended/s |\n|---|---|---|");
    for (clients, instances) in [(16, 1), (64, 1), (64, 3)] {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let server = Server::start_with_slow_syncs();
            let mut stores = Vec::new();
            for _ in 0..instances {
                stores.push(instance(&server, 3).await);
            }
            let next = Arc::new(AtomicU64::new(0));
            let once = move || {
                let nth = next.fetch_add(1, Ordering::Relaxed) as usize;
                let store = Arc::clone(&stores[nth % stores.len()]);
                async move {
                    let ticket = record(&store).await;
                    let ended = store.finish(ticket, Disposition::Done).await.expect("it is stored");
                    assert!(ended.was_ours);
                }
            };
            rates.push(rate(clients, once).await.0);
        }
        println!("| {clients} | {instances} | {:.0} |", median(rates));
    }
}

/// Makes tasks that are due now.
async fn fill(db: &Connection, tasks: i64) {
    let sql = "INSERT INTO webhook.task (event_seq, handler, scope, object, moment, strict, state, due_ms)
               SELECT nextval('webhook.event_seq_seq'), 'a', 'a', '|pi_' || n, 1800000000, false, 0, now_ms - $1 + n
               FROM generate_series(1, $1) AS n";
    db.execute(sql, &[&tasks]).await.expect("it can be written");
}

/// Claims and ends batches of tasks in each instance, and returns how many in a second, and the 99th percentile of claims.
async fn claims_and_ends(stores: &[Arc<Postgres>], batch: usize, span: Duration) -> (f64, Duration) {
    let since = Instant::now();
    let worker = |store: Arc<Postgres>| async move {
        let (mut took, mut ended) = (Vec::new(), 0);
        while since.elapsed() < span {
            let before = Instant::now();
            let claimed = store.claim(capacity(batch, &[(HANDLER, batch)])).await.expect("it claims");
            took.push(before.elapsed());
            assert!(!claimed.claims.is_empty(), "there were too few tasks");
            let mut ends = JoinSet::new();
            for claim in claimed.claims {
                let store = Arc::clone(&store);
                ends.spawn(async move { store.finish(claim.ticket, Disposition::Done).await });
            }
            for end in ends.join_all().await {
                ended += usize::from(end.expect("it is stored").was_ours);
            }
        }
        (took, ended)
    };
    let workers: JoinSet<_> = stores.iter().map(|store| worker(Arc::clone(store))).collect();
    let (mut took, mut ended) = (Vec::new(), 0);
    for (of_one, count) in workers.join_all().await {
        took.extend(of_one);
        ended += count;
    }
    took.sort_unstable();
    (ended as f64 / since.elapsed().as_secs_f64(), took[took.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn figures_of_claims() {
    let server = Server::start_with_slow_syncs();
    let stores = [instance(&server, 1).await, instance(&server, 1).await];
    let db = opener(&server).connect().await.expect("the server runs");
    println!("| claimed at once | beside | claimed and ended/s | p99 of claims |\n|---|---|---|---|");
    let measure = async |batch: usize, beside: &str| {
        fill(&db, 150_000).await;
        let (rate, p99) = claims_and_ends(&stores, batch, SPAN).await;
        println!("| {batch} | {beside} | {rate:.0} | {:.1} ms |", p99.as_secs_f64() * 1e3);
        db.execute("DELETE FROM webhook.task", &[]).await.expect("it can be written");
    };
    for batch in [1, 8, 16, 64] {
        measure(batch, "nothing").await;
    }
    let ended = "INSERT INTO webhook.ended (id, event_seq, handler, scope, object, moment, strict, state, attempt, replay,
                                            fence, started_ms, finished_ms)
                 SELECT 500000000 + n, -n, 'a', 'a', '|old_' || n, 1800000000, false, 3, 1, false, 1, 0, 0
                 FROM generate_series($1, $1 + 999999) AS n";
    for million in 0..10_i64 {
        db.execute(ended, &[&(million * 1_000_000 + 1)]).await.expect("it can be written");
    }
    db.batch("ANALYZE webhook.ended; CHECKPOINT").await.expect("it can be analysed");
    measure(16, "10 million ended tasks").await;
    let old = opener(&server).connect().await.expect("the server runs");
    old.batch("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM webhook.meta").await.expect("it begins");
    for _ in 0..10 {
        fill(&db, 100_000).await;
        db.execute("DELETE FROM webhook.task", &[]).await.expect("it can be written");
    }
    measure(16, "a million versions that an old transaction keeps").await;
}
