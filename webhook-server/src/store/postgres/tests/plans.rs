//! Plans that are kept for a while.

use std::time::{Duration, Instant};

use test_postgres::{Bouncer, shared};

use super::protocol::Instance;
use crate::store::conformance::{at_once, serial};
use crate::store::postgres::cluster;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::opener::Opener;
use crate::store::{Claim, Disposition};

/// How many statements this connection has prepared after it has sent one several times, how it makes plans, and whether it
/// compiles them.
async fn prepared(db: &Connection) -> (i64, String, String) {
    for number in 0..20_i64 {
        let rows = db.query("SELECT $1 + 1", &[&number]).await.expect("it can be asked");
        assert_eq!(rows[0].get::<_, i64>(0), number + 1);
    }
    let sql = "SELECT count(*), current_setting('plan_cache_mode'), current_setting('jit') FROM pg_prepared_statements";
    let rows = db.query(sql, &[]).await.expect("it can be asked");
    (rows[0].get(0), rows[0].get(1), rows[0].get(2))
}

#[tokio::test]
async fn a_connection_to_the_server_itself_prepares_what_it_sends_often() {
    let opener = cluster::opener_without_pool(&cluster::new_schema());
    let db = opener.connect().await.expect("the server runs");
    assert_eq!(prepared(&db).await, (0, "auto".to_owned(), "on".to_owned()), "not asked for");
    db.set_up(false).await.expect("the server runs");
    assert_eq!(prepared(&db).await, (0, "auto".to_owned(), "off".to_owned()));
    db.set_up(true).await.expect("the server runs");
    let since = Instant::now();
    // It may take longer to send it often than a plan is kept.
    while prepared(&db).await != (1, "force_generic_plan".to_owned(), "off".to_owned()) {
        assert!(since.elapsed() < Duration::from_secs(60));
    }
    // A statement that fails is sent in full the next time.
    for number in 0..20_i64 {
        let divided = db.query("SELECT 1 / $1", &[&(number % 2)]).await;
        assert_eq!(divided.is_err(), number % 2 == 0, "{divided:?}");
    }
}

#[tokio::test]
async fn through_a_pool_nothing_is_prepared() {
    let bouncer = Bouncer::start(shared(), 2);
    let opener = Opener::new(&bouncer.url(), &cluster::new_schema(), true, None).expect("the URL is right");
    let db = opener.connect().await.expect("the server runs");
    db.set_up(true).await.expect("the server runs");
    assert_eq!(prepared(&db).await, (0, "auto".to_owned(), "on".to_owned()));
}

/// Stores two events of a lane, one after the other, and handles both: the second fails once.
async fn handle_two(instance: &Instance, round: i64) {
    let done = async |claims: &[Claim], end: Disposition| {
        assert_eq!(claims.len(), 1, "{end:?}");
        assert!(instance.ended(claims[0].ticket, &end, false).await);
    };
    let record = async |nth| {
        let (batch, id) = (10 * round + nth, format!("evt_{round}_{nth}"));
        instance.record(batch, &id, &[at_once(serial("a"))], false).await.expect("it is new")
    };
    let (first, second) = (record(1).await, record(2).await);
    assert_eq!((second.len(), instance.claim().await.len()), (0, 0), "the lane is taken");
    done(&first, Disposition::Done).await;
    done(&instance.claim().await, Disposition::Retry { after: Duration::ZERO, error: "again".into() }).await;
    done(&instance.claim().await, Disposition::Done).await;
}

/// How many rows and entries of indexes were read in this inbox so far.
async fn read(db: &Connection) -> i64 {
    db.query("SELECT pg_stat_force_next_flush()::text", &[]).await.expect("PostgreSQL 15 or newer");
    let sql = "WITH own AS (SELECT oid FROM pg_class
                            WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'webhook.task'::regclass))
               SELECT (SELECT sum(seq_tup_read)::int8 FROM pg_stat_user_tables WHERE relid IN (SELECT oid FROM own))
                    + (SELECT sum(idx_tup_read)::int8 FROM pg_stat_user_indexes WHERE relid IN (SELECT oid FROM own))";
    db.query(sql, &[]).await.expect("it can be read")[0].get(0)
}

/// A plan that was made when the tables were empty may read all of them when they are full.
#[tokio::test]
async fn plans_follow_the_size_of_the_inbox() {
    let instance = Instance::new().await;
    instance.db.set_up(true).await.expect("the server runs");
    for round in 0..7 {
        handle_two(&instance, round).await;
    }
    let fill = "INSERT INTO webhook.task (event_seq, handler, scope, object, lane, moment, strict, state, due_ms)
         SELECT -n, 'a', 'a', '|' || n, '|' || n / 2, 1, false, n % 2 * 2, now_ms + 3600000
         FROM generate_series(1, 20000) AS n;
         INSERT INTO webhook.ended (id, event_seq, handler, scope, object, moment, strict, state, attempt, replay, fence,
                                    started_ms, finished_ms)
         SELECT -n, -n, 'b', 'b', '|' || n, 1, false, 3, 1, false, 1, 0, 0 FROM generate_series(1, 20000) AS n;
         INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome)
         SELECT -n, 1, 0, 0, 0 FROM generate_series(1, 20000) AS n";
    instance.db.batch(fill).await.expect("it can be written");
    let since = Instant::now();
    for round in 7.. {
        let before = read(&instance.db).await;
        handle_two(&instance, round).await;
        let read = read(&instance.db).await - before;
        // Less than the rows of one table.
        if read < 20_000 {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{read} rows and entries were read");
    }
}
