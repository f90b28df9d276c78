//! Calls, on a real server: in one flush, with warnings, not waited for, cut off.

use super::*;
use crate::store::postgres::cluster::{connection, new_schema, opener_without_pool};

#[tokio::test]
async fn values_and_rows_have_the_types_that_they_tell() {
    let db = connection().await;
    let (bytes, none): (&[u8], Option<i64>) = (b"\x00\xff", None);
    let (numbers, names, bodies) = (vec![1_i64, 2], ["a", "b"].as_slice(), vec![bytes, b""]);
    let text = "SELECT $1, $2, $3, $4, $5, $6, $7, array_length($8, 1)";
    let values: [Value<'_>; 8] = [&1_i64, &2_i32, &true, &"x", &bytes, &none, &numbers, &names];
    let rows = db.query(text, &values).await.expect("it can be asked");
    let row = &rows[0];
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1), row.get::<_, bool>(2)), (1, 2, true));
    assert_eq!(
        (row.get::<_, &str>(3), row.get::<_, &[u8]>(4), row.get::<_, Option<i64>>(5)),
        ("x", bytes, None)
    );
    assert_eq!((row.get::<_, Vec<i64>>(6), row.get::<_, i32>(7)), (numbers, 2));
    let rows = db.query("SELECT octet_length(body) FROM unnest($1) AS body", &[&bodies]).await;
    let lengths: Vec<i32> = rows.expect("it can be asked").iter().map(|row| row.get(0)).collect();
    assert_eq!(lengths, [2, 0]);
    let changed = db.execute("INSERT INTO webhook.chore (name) VALUES ($1), ($2)", &[&"a", &"b"]).await;
    assert_eq!(changed.expect("it can be written"), 2);
}

#[tokio::test]
async fn calls_that_are_polled_together_are_one_transaction() {
    let db = connection().await;
    let (begun, first, second, committed) = tokio::join!(
        db.execute("BEGIN", &[]),
        db.execute("INSERT INTO webhook.chore (name) VALUES ('a')", &[]),
        db.query("SELECT count(*) FROM webhook.chore", &[]),
        db.execute("COMMIT", &[]),
    );
    assert!(begun.is_ok() && committed.is_ok(), "{begun:?} {committed:?}");
    assert_eq!(first.expect("it can be written"), 1);
    assert_eq!(second.expect("it can be read")[0].get::<_, i64>(0), 1);
    // What fails in the middle takes everything with it, and the connection can still be used.
    let (_, first, second, committed) = tokio::join!(
        db.execute("BEGIN", &[]),
        db.execute("INSERT INTO webhook.chore (name) VALUES ('a')", &[]),
        db.execute("INSERT INTO webhook.chore (name) VALUES ('b')", &[]),
        db.execute("COMMIT", &[]),
    );
    assert!(matches!(first, Err(Problem::Taken(_))), "{first:?}");
    assert!(matches!(second, Err(Problem::Collided(_))), "{second:?}");
    assert!(committed.is_ok() && db.is_usable(), "{committed:?}");
    let rows = db.query("SELECT count(*) FROM webhook.chore", &[]).await.expect("it can be read");
    assert_eq!(rows[0].get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_warning_makes_the_outcome_unknown() {
    let db = connection().await;
    let noticed = db.batch("DO $$ BEGIN RAISE NOTICE 'all is well'; END $$").await;
    assert!(noticed.is_ok() && db.is_usable(), "{noticed:?}");
    // COMMIT without BEGIN succeeds with a warning, as the wait for a standby does that was cancelled.
    let warned = db.execute("COMMIT", &[]).await;
    assert!(matches!(warned, Err(Problem::Unknown(_))), "{warned:?}");
    assert!(!db.is_usable());
}

#[tokio::test]
async fn a_call_that_takes_too_long_spends_the_connection() {
    let db = connection().await;
    let limit = Duration::from_millis(20);
    let slow = Connection::within(limit, db.query("SELECT pg_sleep(600)", &[])).await;
    assert!(matches!(slow, Err(Problem::Slow(_))), "{slow:?}");
    assert!(!db.is_usable());
}

#[tokio::test]
async fn an_error_tells_no_values() {
    let db = connection().await;
    let (body, text) = (b"card 4242".as_slice(), "geheim");
    let insert = "INSERT INTO webhook.quarantine (sha256, received_ms, reason, body, deliveries) \
                  VALUES ($1, now_ms, $2, $1, NULL)";
    let refused = db.execute(insert, &[&body, &text]).await.expect_err("a column must not be null");
    let told = format!("{refused} {refused:?}");
    assert!(
        matches!(refused, Problem::Vetoed(_)) && !told.contains("geheim") && !told.contains("34323432"),
        "{told}"
    );
    assert!(db.is_usable());
}

#[tokio::test]
async fn a_backend_that_is_ended_leaves_the_outcome_open() {
    let db = opener_without_pool(&new_schema()).connect().await.expect("the server is running");
    let rows = db.query("SELECT pg_backend_pid()", &[]).await.expect("it can be asked");
    let pid: i32 = rows[0].get(0);
    let _ = test_postgres::shared().query(&format!("SELECT pg_terminate_backend({pid}, 60000)"));
    let ended = db.query("SELECT 1", &[]).await;
    assert!(matches!(ended, Err(Problem::Unknown(_))), "{ended:?}");
    assert!(!db.is_usable());
}

#[tokio::test]
async fn a_server_that_only_reads_ends_all_connections() {
    let opener = opener_without_pool(&new_schema());
    let (db, other) = (opener.connect().await, opener.connect().await);
    let (db, other) = (db.expect("it is running"), other.expect("it is running"));
    db.batch("SET default_transaction_read_only = on").await.expect("it can be set");
    let refused = db.execute("INSERT INTO webhook.chore (name) VALUES ('a')", &[]).await;
    assert!(matches!(refused, Err(Problem::ReadOnly(_))), "{refused:?}");
    assert!(!db.is_usable() && !other.is_usable());
    assert!(opener.connect().await.expect("it is running").is_usable());
}

#[tokio::test]
async fn the_server_knows_the_connection_by_its_name() {
    let db = connection().await;
    let rows = db.query("SELECT current_setting('application_name')", &[]).await.expect("it can be asked");
    let name: String = rows[0].get(0);
    assert!(name.starts_with("webhook-server "), "{name}");
}
