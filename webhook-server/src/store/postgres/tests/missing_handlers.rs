//! Parking and resuming the tasks of a handler that is gone, beside other instances and with many tasks.

use std::time::Duration;

use crate::store::Recovered;
use crate::store::postgres::cluster;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::missing_handlers::{PARK, at_heartbeat};
use crate::store::postgres::recover::{Program, join, leave};
use crate::store::postgres::session::{Session, Timing};

const TIMING: Timing =
    Timing { missing_handler: Duration::from_secs(600), ..Timing::with_lease(Duration::from_secs(60)) };

async fn connect(schema: &str) -> Connection {
    cluster::opener_without_pool(schema).connect().await.expect("the server runs")
}

async fn joined(db: &Connection, session: &Session, handlers: &[&'static str]) -> Recovered {
    let program = Program { name: "test".to_owned(), version: "1".to_owned(), slots: 1 };
    join(db, session, &program, handlers, &TIMING).await.expect("it joins")
}

/// Adds events with tasks of the handler `a`, in a state. Those that are blocked are all in one lane.
async fn add_tasks(db: &Connection, state: i32, count: i64) {
    let events = "INSERT INTO webhook.event (event_id, type, endpoint, secret_label, livemode, signed_s, received_ms, batch,
                                             body_sha256, body)
                  SELECT format('evt_%s_%s', $1, n), 'a.b', '/', '', false, 0, now_ms, $1, '', '' FROM generate_series(1, $2) n";
    let tasks = "INSERT INTO webhook.task (event_seq, handler, scope, lane, strict, moment, state, due_ms)
                 SELECT seq, 'a', 'a', CASE WHEN $1 = 2 THEN 'lane' END, true, 0, $1, now_ms FROM webhook.event WHERE batch = $1";
    for text in [events, tasks] {
        let text = text.replace("$1", &state.to_string()).replace("$2", &count.to_string());
        db.execute(&text, &[]).await.expect("they can be added");
    }
}

async fn count(db: &Connection, table: &str) -> i64 {
    let rows = db.query(&format!("SELECT count(*) FROM webhook.{table}"), &[]).await;
    rows.expect("it can be read")[0].get(0)
}

/// However many there are, no statement changes more than a step's: one that takes longer than the server's limit for a
/// statement would never end.
#[tokio::test]
async fn tasks_are_parked_and_resumed_in_steps() {
    let db = connect(&cluster::new_schema()).await;
    let refuse = "
        CREATE FUNCTION webhook.refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF (SELECT count(*) FROM changed) > 2000 THEN RAISE EXCEPTION 'too many'; END IF; RETURN NULL; END $$;
        CREATE TRIGGER parked AFTER DELETE ON webhook.task REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION webhook.refuse_many();
        CREATE TRIGGER resumed AFTER DELETE ON webhook.ended REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION webhook.refuse_many()";
    db.batch(refuse).await.expect("it can be made");
    add_tasks(&db, 0, 2500).await;
    add_tasks(&db, 2, 2500).await;
    let former = Session::default();
    assert_eq!(joined(&db, &former, &["b"]).await.without_handler, 5000);
    assert_eq!((count(&db, "task").await, count(&db, "ended").await), (0, 5000));
    leave(&db, &former).await.expect("it leaves");
    assert_eq!(joined(&db, &Session::default(), &["a", "b"]).await.resumed, 5000);
    assert_eq!((count(&db, "task").await, count(&db, "missing_handler").await), (5000, 0));
}

/// What an instance parks while the handler comes back is resumed by the instance that has it.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_has_the_handler_waits_for_one_that_is_parking() {
    let schema = cluster::new_schema();
    let (parking, back) = (connect(&schema).await, connect(&schema).await);
    add_tasks(&parking, 0, 3).await;
    let noted = "INSERT INTO webhook.missing_handler (handler, since_ms) VALUES ('a', 0)";
    parking.execute(noted, &[]).await.expect("it can be written");
    parking.batch("BEGIN").await.expect("it begins");
    let parked = parking.query(PARK, &[&0_i64, &false, &10_i64]).await;
    assert_eq!(parked.expect("they are parked")[0].get::<_, i64>(2), 3);
    let rows = back.query("SELECT pg_backend_pid()", &[]).await;
    let backend: i32 = rows.expect("it can be asked")[0].get(0);
    let joining = tokio::spawn(async move { joined(&back, &Session::default(), &["a"]).await });
    let waits = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {backend} AND wait_event_type = 'Lock'");
    while parking.query(&waits, &[]).await.expect("it can be read").is_empty() {
        assert!(!joining.is_finished(), "it did not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    parking.batch("COMMIT").await.expect("it is committed");
    assert_eq!(joining.await.expect("it joins").resumed, 3);
}

/// Tasks may be parked by an instance that does not see the handler's instance yet: they are found at the next heartbeat.
#[tokio::test]
async fn a_heartbeat_resumes_what_was_parked_while_the_handler_came_back() {
    let db = connect(&cluster::new_schema()).await;
    let former = Session::default();
    joined(&db, &former, &["b"]).await;
    add_tasks(&db, 0, 3).await;
    assert_eq!(at_heartbeat(&db, &TIMING).await.expect("it is written").without_handler, 3);
    let at_that_moment =
        "INSERT INTO webhook.instance (id, name, version, slots, handlers, joined_ms, lease_until_ms)
                          VALUES (1, 'back', '1', 1, ARRAY['a'], now_ms, now_ms + 600000)";
    db.execute(at_that_moment, &[]).await.expect("it can be written");
    let resumed = Recovered { resumed: 3, ..Recovered::default() };
    assert_eq!(at_heartbeat(&db, &TIMING).await.expect("it is written"), resumed);
    assert_eq!(at_heartbeat(&db, &TIMING).await.expect("it is written"), Recovered::default());
    assert_eq!((count(&db, "task").await, count(&db, "missing_handler").await), (3, 0));
}
