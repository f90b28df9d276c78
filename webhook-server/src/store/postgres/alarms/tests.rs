use super::*;
use crate::store::postgres::cluster;
use crate::store::postgres::opener::Opener;

/// Another transaction of this database, which holds what it sees.
async fn held(opener: &Opener) -> (Connection, String) {
    let other = opener.connect().await.expect("the server runs");
    other.batch("SET application_name = 'report'; BEGIN").await.expect("it may");
    let pid = other.query("SELECT pg_backend_pid()::text, txid_current()", &[]).await.expect("it may");
    let pid = pid[0].get(0);
    (other, pid)
}

/// Looks until there is an alarm of this kind.
async fn until_told(alarms: &Alarms, db: &Connection, most: i64, held: Duration, told: &str) -> String {
    loop {
        let found = alarms.look(db, most, held).await.expect("any role may look");
        if let Some(alarm) = found.iter().map(ToString::to_string).find(|text| text.contains(told)) {
            return alarm;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_transaction_that_keeps_dead_rows_is_told_with_its_process() {
    let opener = cluster::opener(&cluster::new_schema(), None);
    let db = opener.connect().await.expect("the server runs");
    let (other, pid) = held(&opener).await;
    let alarms = Alarms::default();
    let told = until_told(&alarms, &db, i64::MAX, Duration::ZERO, &format!("pid {pid},")).await;
    assert!(told.contains(r#"user "shop", application "report""#), "{told}");
    assert!(told.contains("pg_terminate_backend"), "{told}");
    // The text of its statement may contain a customer's data.
    assert!(!told.contains("txid_current"), "{told}");
    // For less long, it is none.
    let quiet = alarms.look(&db, i64::MAX, HELD).await.expect("any role may look");
    assert!(!quiet.iter().any(|alarm| alarm.to_string().contains(&pid)), "{quiet:?}");
    other.batch("COMMIT").await.expect("it may");
    let over = alarms.look(&db, i64::MAX, Duration::ZERO).await.expect("any role may look");
    assert!(!over.iter().any(|alarm| alarm.to_string().contains(&format!("pid {pid},"))), "{over:?}");
}

/// A role that may not see since when other roles' transactions are open.
#[tokio::test]
async fn another_roles_transaction_is_told_too() {
    let schema = cluster::new_schema();
    let opener = cluster::opener(&schema, None);
    let db = opener.connect().await.expect("the server runs");
    let (_other, pid) = held(&opener).await;
    let role = schema.replace(' ', "_");
    db.batch(&format!("CREATE ROLE {role}; SET ROLE {role}")).await.expect("it may");
    let visible = "SELECT xact_start::text FROM pg_stat_activity WHERE pid::text = $1";
    let visible = db.query(visible, &[&pid]).await.expect("it may");
    assert_eq!(visible[0].get::<_, Option<String>>(0), None, "the server tells more than was thought");
    let alarms = Alarms::default();
    let rows = db.query(HOLDERS, &[]).await.expect("any role may look");
    assert!(!alarms.remember(&rows).expect("its rows can be read").is_empty());
    // It has been seen since the first look.
    std::thread::sleep(Duration::from_millis(2));
    let rows = db.query(HOLDERS, &[]).await.expect("any role may look");
    let found = alarms.remember(&rows).expect("its rows can be read");
    let of_other = |holder: &Holder| matches!(holder, Holder::Transaction { pid: of, .. } if *of == pid);
    let (_, since) = found.iter().find(|(holder, _)| of_other(holder)).expect("it is still open");
    assert!(*since >= Duration::from_millis(2), "{since:?}");
}

#[tokio::test]
async fn dead_rows_are_counted() {
    let opener = cluster::opener(&cluster::new_schema(), None);
    let db = opener.connect().await.expect("the server runs");
    let other = opener.connect().await.expect("the server runs");
    let fill = "INSERT INTO webhook.task (event_seq, handler, scope, moment, strict, state, due_ms)
                SELECT n, 'a', 'a', 0, false, 0, 0 FROM generate_series(1, 500) n;
                DELETE FROM webhook.task";
    other.batch(fill).await.expect("it may");
    // A server counts what a connection has done when that ends.
    drop(other);
    let told = until_told(&Alarms::default(), &db, 400, Duration::MAX, "500 dead rows").await;
    assert!(told.contains("autovacuum"), "{told}");
}

#[test]
fn a_prepared_transaction_and_a_slot_are_named_with_what_to_do() {
    let since = Duration::from_secs(754);
    for (by, told) in [
        (
            Holder::Slot { name: "standby_2".to_owned() },
            "the replication slot \"standby_2\" has kept the inbox's database from removing dead rows for 12m 34s: start \
             what reads it, or drop it if nothing does any more (SELECT pg_drop_replication_slot(name))",
        ),
        (
            Holder::Prepared { gid: "g1".to_owned(), owner: "bank".to_owned() },
            "the prepared transaction \"g1\" of \"bank\" has kept the inbox's database from removing dead rows for 12m 34s: \
             end it with COMMIT PREPARED or ROLLBACK PREPARED",
        ),
    ] {
        assert_eq!(Alarm::Held { by, since }.to_string(), told);
    }
}

/// Once an hour, whichever instance finds the reason.
#[tokio::test]
async fn an_alarm_is_not_repeated_soon() {
    let opener = cluster::opener(&cluster::new_schema(), None);
    let db = opener.connect().await.expect("the server runs");
    let other = opener.connect().await.expect("the server runs");
    let alarm = Alarm::Forgotten(1).name();
    assert!(take_turn(&db, alarm, REPEAT_EVERY).await.expect("it is written"));
    assert!(!take_turn(&other, alarm, REPEAT_EVERY).await.expect("it is written"));
    assert!(take_turn(&other, Alarm::DeadRows(1).name(), REPEAT_EVERY).await.expect("it is written"));
}
