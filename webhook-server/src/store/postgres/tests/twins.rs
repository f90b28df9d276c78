//! Two events that report one occurrence, when they meet: on two instances, in a transaction whose outcome is unknown, and in a
//! lane that is taken at the same moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use test_postgres::Postgres as Server;

use super::pairs::{LEASE, instance, opener};
use super::protocol::Instance;
use crate::store::clock::ManualClock;
use crate::store::conformance::{arrival, at_once, free, in_lane, serial};
use crate::store::postgres::arrivals::Arrival;
use crate::store::postgres::record::record;
use crate::store::{NewTask, RecordResult, State, Store};

/// A task of the handler `a`, which takes both twins.
fn both(occurrence: &str, task: NewTask) -> NewTask {
    NewTask { occurrence: Some(occurrence.to_owned()), ..task }
}

fn sent(id: &str, tasks: &[NewTask]) -> Arrival {
    Arrival { event: arrival(id, tasks), digest: vec![1] }
}

/// Stores new events in one transaction. Returns for each how many of its tasks have started, and how many its twin has.
async fn stored(on: &Instance, batch: i64, arrivals: &[Arrival], again: bool) -> Vec<(usize, usize)> {
    let arrivals: Vec<&Arrival> = arrivals.iter().collect();
    let recorded = record(&on.db, &on.session, batch, &arrivals, &on.noted, again).await;
    let told = |one| match one {
        Some(RecordResult::New { started, known_occurrences, .. }) => (started.len(), known_occurrences),
        known => panic!("{known:?}"),
    };
    recorded.expect("they are stored").into_iter().map(told).collect()
}

/// The handler `a`'s tasks: the event of each, and its state.
async fn tasks_of_a(on: &Instance) -> Vec<(String, State)> {
    let sql = "SELECT e.event_id, t.state FROM webhook.task t JOIN webhook.event e ON e.seq = t.event_seq
               WHERE t.handler = 'a' ORDER BY 1";
    let rows = on.db.query(sql, &[]).await.expect("it can be read");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn running(id: &str) -> (String, State) {
    (id.to_owned(), State::Running)
}

/// Waits until a statement waits for a lock.
async fn wait_for_lock(on: &Instance, schema: &str) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND position($1 IN query) > 0";
    while on.db.query(waiting, &[&schema]).await.expect("it can be read")[0].get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn twins_in_one_transaction_have_one_task() {
    let instance = Instance::new().await;
    let of = |id: &str| sent(id, &[at_once(both("one", free("a"))), at_once(free("b"))]);
    let others = [sent("evt_2", &[at_once(free("b"))]), sent("evt_0", &[])];
    let arrivals: Vec<Arrival> = [of("evt_3"), of("evt_1")].into_iter().chain(others).collect();
    assert_eq!(stored(&instance, 1, &arrivals, false).await, [(2, 0), (1, 1), (1, 0), (0, 0)]);
    assert_eq!(tasks_of_a(&instance).await, [running("evt_3")], "in the order of arrival");
}

/// The first try may have been committed, or not.
#[tokio::test]
async fn twins_that_are_stored_again_are_what_they_were() {
    let instance = Instance::new().await;
    let tasks = || [at_once(both("one", serial("a"))), at_once(free("b"))];
    let [first, second] = ["evt_1", "evt_2"].map(|id| move || [sent(id, &tasks())]);
    assert_eq!(stored(&instance, 1, &first(), false).await, [(2, 0)]);
    assert_eq!(stored(&instance, 1, &first(), true).await, [(2, 0)]);
    assert_eq!(stored(&instance, 2, &second(), true).await, [(1, 1)], "the first try has stored nothing");
    assert_eq!(stored(&instance, 2, &second(), true).await, [(1, 1)]);
    assert_eq!(tasks_of_a(&instance).await, [running("evt_1")]);
}

/// Whether the other's transaction is committed decides who has the task.
#[tokio::test]
async fn an_occurrence_that_is_being_taken_is_waited_for() {
    for (ends, expected) in [("COMMIT", (0, 1)), ("ROLLBACK", (1, 0))] {
        let (schema, clock) = Instance::place();
        let one = Instance::on(&schema, &clock).await;
        let other = Instance::on(&schema, &clock).await;
        let third = Instance::on(&schema, &clock).await;
        assert_eq!(stored(&one, 1, &[sent("evt_1", &[])], false).await, [(0, 0)]);
        let take = "BEGIN; INSERT INTO webhook.occurrence (event_seq, handler, occurrence)
                    SELECT seq, 'a', 'one' FROM webhook.event";
        one.db.batch(take).await.expect("nobody has it");
        let storing = tokio::spawn(async move {
            stored(&other, 2, &[sent("evt_2", &[at_once(both("one", free("a")))])], false).await
        });
        wait_for_lock(&third, &schema).await;
        one.db.batch(ends).await.expect("it was begun");
        assert_eq!(storing.await.expect("no panic"), [expected], "{ends}");
        assert_eq!(tasks_of_a(&one).await.len(), expected.0);
    }
}

/// Another instance takes the lane, after this one has found it free.
#[tokio::test]
async fn a_task_of_an_occurrence_whose_lane_is_taken_meanwhile_is_ready() {
    let (schema, clock) = Instance::place();
    let one = Instance::on(&schema, &clock).await;
    let other = Instance::on(&schema, &clock).await;
    let third = Instance::on(&schema, &clock).await;
    let take = "BEGIN; INSERT INTO webhook.task (event_seq, handler, scope, lane, moment, strict, state, owner, due_ms)
                VALUES (1000, 'b', 'a', 'ch_1', 0, false, 1, 1, now_ms)";
    one.db.batch(take).await.expect("nobody has it");
    let tasks = || [at_once(both("one", serial("a"))), at_once(both("two", in_lane("b", "ch_2", false)))];
    let storing = tokio::spawn(async move {
        stored(&other, 2, &[sent("evt_1", &tasks()), sent("evt_2", &tasks())], false).await
    });
    wait_for_lock(&third, &schema).await;
    one.db.batch("COMMIT").await.expect("it was begun");
    assert_eq!(storing.await.expect("no panic"), [(1, 0), (0, 2)]);
    assert_eq!(tasks_of_a(&one).await, [("evt_1".to_owned(), State::Ready)]);
}

/// Two instances store the twins of many occurrences at once, in opposite orders, and in few lanes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_store_twins_at_once_never_wait_for_each_other() {
    const PAIRS: usize = 150;
    const ROUNDS: usize = 6;
    let server = Server::start();
    let clock = ManualClock::new(1_800_000_000_000);
    let db = opener(&server, &clock).connect().await.expect("the server runs");
    let [snapshots, thin] = [(); 2].map(|()| instance(&server, &clock, false));
    for store in [&snapshots, &thin] {
        store.recover(["a", "b"].into()).await.expect("it joins");
    }
    let began = Instant::now();
    let (mut made, mut known) = (0, 0);
    for round in 0..ROUNDS {
        let mut storing = Vec::new();
        for at in 0..PAIRS {
            for (store, kind) in [(&snapshots, "snapshot"), (&thin, "thin")] {
                let nth = if kind == "thin" { PAIRS - 1 - at } else { at };
                let of = |handler, lane| at_once(in_lane(handler, lane, false));
                let lane = format!("cus_{}", nth % 7);
                let occurrence = format!("{round}/{nth}");
                let tasks = [both(&occurrence, of("a", &lane)), both(&occurrence, of("b", "one for all"))];
                // A third event has no twin, and the same lanes.
                let alone = arrival(&format!("evt_{round}_{nth}_{kind}_alone"), &[of("a", &lane)]);
                let twin = arrival(&format!("evt_{round}_{nth}_{kind}"), &tasks);
                for event in [twin, alone] {
                    let store = Arc::clone(store);
                    storing.push(tokio::spawn(async move { store.record(event).await }));
                }
            }
        }
        for storing in storing {
            match storing.await.expect("no panic").expect("it is stored") {
                RecordResult::New { known_occurrences, .. } => {
                    made += 1;
                    known += known_occurrences;
                }
                duplicate => panic!("{duplicate:?}"),
            }
        }
    }
    println!("{made} events in {:?}, {known} tasks left out", began.elapsed());
    assert_eq!(known, 2 * PAIRS * ROUNDS, "one of each pair, for each handler");
    let count = async |sql: &str| -> i64 { db.query(sql, &[]).await.expect("it can be read")[0].get(0) };
    let taken = count("SELECT count(*) FROM webhook.occurrence").await;
    assert_eq!(taken, (2 * PAIRS * ROUNDS) as i64);
    let tasks = count("SELECT count(*) FROM webhook.task").await;
    assert_eq!(tasks, (4 * PAIRS * ROUNDS) as i64, "two of each pair, and those that are alone");
    let lost = "SELECT count(*) FROM webhook.occurrence c WHERE NOT EXISTS (
                    SELECT 1 FROM webhook.task t WHERE (t.event_seq, t.handler) = (c.event_seq, c.handler))";
    assert_eq!(count(lost).await, 0);
    // The server counts a little later.
    tokio::time::timeout(LEASE, db.query("SELECT pg_stat_force_next_flush()::text", &[]))
        .await
        .expect("it answers")
        .expect("PostgreSQL 15 or newer");
    let collided = count("SELECT sum(deadlocks)::bigint FROM pg_stat_database").await;
    assert_eq!(collided, 0, "two transactions waited for each other");
    assert!(began.elapsed() < Duration::from_secs(600));
}
