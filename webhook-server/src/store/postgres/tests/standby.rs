//! What an instance does while the standby is away, for which each commit waits.

use std::sync::Arc;
use std::time::Duration;

use test_postgres::{Pair, Postgres};

use crate::store::StoreError;
use crate::store::clock::StoreClock;
use crate::store::conformance::{arrival, free};
use crate::store::postgres::arrivals::Arrival;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::ingest::{Ingest, Job};
use crate::store::postgres::kept::Kept;
use crate::store::postgres::opener::Opener;
use crate::store::postgres::problem::Problem;
use crate::store::postgres::session::Session;

/// So short that a test does not wait for long, and long enough to connect on any machine.
const LIMIT: Duration = Duration::from_millis(200);

fn opener(pair: &Pair) -> Arc<Opener> {
    Arc::new(Opener::new(&pair.url(), "webhook", true, None).expect("the URL is right"))
}

/// A transaction that waits for the standby.
async fn write(db: &Connection) -> Result<u64, Problem> {
    db.execute("INSERT INTO webhook.chore (name) VALUES (gen_random_uuid())", &[]).await
}

/// Waits until a query returns an answer.
async fn until(database: &Postgres, sql: &str, expected: &str) {
    while database.query(sql) != expected {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_are_abandoned_at_most() {
    let pair = Pair::synchronous();
    let opener = opener(&pair);
    let kept: Vec<Kept> = (0..4).map(|_| Kept::new(&opener)).collect();
    for one in &kept {
        one.call(LIMIT * 100, write).await.expect("the standby is there");
    }
    pair.standby.freeze();
    for _ in 0..3 {
        for one in &kept {
            let slow = one.call(LIMIT, write).await;
            assert!(matches!(slow, Err(Problem::Slow(_))), "{slow:?}");
        }
    }
    // Each has one, and two were replaced.
    assert_eq!(pair.primary.query(WAITING), "6");
    pair.standby.thaw();
    for one in &kept {
        one.call(LIMIT * 100, write).await.expect("the standby is back");
    }
    // What was abandoned has ended, so that there is a place for others.
    until(&pair.primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'webhook%'", "4")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_replaced_at_once_when_another_server_takes_over() {
    let pair = Pair::synchronous();
    let opener = opener(&pair);
    let (one, other) = (Kept::new(&opener), Kept::new(&opener));
    one.call(LIMIT * 100, write).await.expect("it is running");
    other.call(LIMIT * 100, write).await.expect("it is running");
    pair.primary.freeze();
    pair.standby.promote();
    let long = Duration::from_secs(120);
    let waiting = tokio::spawn(async move {
        let first = other.call(long, write).await;
        (first, other.call(long, write).await)
    });
    let slow = one.call(LIMIT, write).await;
    assert!(matches!(slow, Err(Problem::Slow(_))), "{slow:?}");
    one.call(long, write).await.expect("the standby has taken over");
    let (first, second) = waiting.await.expect("it does not panic");
    assert!(matches!(first, Err(Problem::Unknown(_))), "{first:?}");
    second.expect("the standby has taken over");
}

/// Both places are taken by calls that hang, when the server hangs as well, with all its connections open.
#[tokio::test(flavor = "multi_thread")]
async fn another_primary_is_found_while_there_is_no_place_for_what_is_given_up() {
    let pair = Pair::synchronous();
    let opener = opener(&pair);
    let kept: Vec<Kept> = (0..2).map(|_| Kept::new(&opener)).collect();
    let long = LIMIT * 100;
    for one in &kept {
        one.call(long, write).await.expect("it is running");
        let hangs = one.call(LIMIT, async |db| db.query("SELECT pg_sleep(600)", &[]).await).await;
        assert!(matches!(hangs, Err(Problem::Slow(_))), "{hangs:?}");
        one.call(long, write).await.expect("there is a place for the other one");
    }
    pair.primary.freeze();
    for one in &kept {
        let hangs = one.call(LIMIT, write).await;
        assert!(matches!(hangs, Err(Problem::Slow(_))), "{hangs:?}");
        let hangs = one.call(LIMIT, write).await;
        assert!(matches!(hangs, Err(Problem::Slow(_))), "there is no place: {hangs:?}");
    }
    pair.standby.promote();
    for one in &kept {
        let found = async { while one.call(LIMIT, write).await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(120), found).await.expect("the standby has taken over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_overdue_refuses_others_and_is_answered_in_the_end() {
    let pair = Pair::synchronous();
    let opener = opener(&pair);
    opener.connect().await.expect("it is running");
    let ingest = Ingest::new(Arc::clone(&opener), Arc::new(Session::default()), StoreClock::system(0), 1);
    let hand_over = |id: &str| {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let arrival = Arrival { event: arrival(id, &[free("a")]), digest: vec![1] };
        ingest.hand_over(Job::Event(arrival, reply)).map(|()| answer)
    };
    pair.standby.freeze();
    let mut answers = vec![hand_over("evt_1").expect("nothing is known yet")];
    until(&pair.primary, WAITING, "1").await;
    let refused = loop {
        match hand_over(&format!("evt_{}", answers.len() + 1)) {
            Ok(answer) => answers.push(answer),
            Err(refused) => break refused,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(matches!(refused, StoreError::Slow(_)), "{refused:?}");
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()), "the standby has none of them");
    pair.standby.thaw();
    for answer in answers {
        answer.await.expect("it is answered").expect("it is stored");
    }
    hand_over("evt_later").expect("all is well").await.expect("it is answered").expect("it is stored");
}
