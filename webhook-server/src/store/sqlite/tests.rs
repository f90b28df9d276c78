//! What only this store does: one writer, one file.

mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;

use super::file::{InboxFile, safe_sqlite};
use super::on_disk::OnDisk;
use super::session::MAX_FLOOR;
use super::*;
use crate::report::unusable::unusable;
use crate::settings::Interface;
use crate::store::conformance::{
    arrival, at_once, came_by, capacity, changed, free, of_endpoint, opening, serial, through,
};
use crate::store::{ParkReason, StoreError};

/// Claims up to `limit` tasks of the handler `a`.
async fn claim(store: &Sqlite<OnDisk>, limit: usize) -> ClaimResult {
    store.claim(capacity(limit, &[("a", limit)])).await.expect("it can be written")
}

/// A new inbox in a folder of its own, which goes when it is dropped.
fn new_store() -> (TempDir, PathBuf, Sqlite<OnDisk>) {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join("inbox.db");
    let store = Sqlite::<OnDisk>::open(&path, &opening()).expect("a new file can be used");
    (folder, path, store)
}

/// More arrivals than may wait for the writer.
const MANY: usize = 1_100;

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_and_the_rest_is_stored() {
    let (_folder, path, store) = new_store();
    let store = Arc::new(store);
    // Holds the writer up, for less than it is ready to wait.
    let other = Connection::open(&path).expect("it is a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
    let record = |at| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.record(arrival(&format!("evt_{at}"), &[])).await })
    };
    let recording: Vec<_> = (0..MANY).map(record).collect();
    // Each of them has been sent or refused when this one, which was spawned last, is refused.
    assert!(matches!(record(MANY).await.expect("no panic"), Err(StoreError::Busy)));
    other.execute_batch("ROLLBACK").expect("it was begun");
    let (mut stored, mut refused) = (0, 0);
    for answer in recording {
        match answer.await.expect("no panic") {
            Ok(RecordResult::New { .. }) => stored += 1,
            Err(StoreError::Busy) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((stored, refused), (1_024, MANY - 1_024));
    assert_eq!(store.stats().await.expect("it can be read").events, 1_024);
    assert!(matches!(store.record(arrival("evt_later", &[])).await, Ok(RecordResult::New { .. })));
}

#[tokio::test]
async fn a_panic_of_the_writer_costs_one_batch() {
    let (_folder, _, store) = new_store();
    let panicking: StoreFuture<'_, ()> = store.task(|_, _| panic!("for the test"));
    assert!(matches!(panicking.await, Err(StoreError::Broken(_))));
    assert!(matches!(store.record(arrival("evt_1", &[])).await, Ok(RecordResult::New { .. })));
}

#[tokio::test]
async fn a_job_that_fails_takes_no_other_with_it() {
    let (_folder, path, store) = new_store();
    let store = Arc::new(store);
    // Holds the writer up with the first job, so that the others go into one batch.
    let other = Connection::open(&path).expect("it is a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
    let record = |id: &'static str| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.record(arrival(id, &[free("a")])).await })
    };
    let mut recording = vec![record("evt_1"), record("evt_2")];
    let failing = tokio::spawn({
        let store = Arc::clone(&store);
        let work = |db: &Connection, _: Stamp<'_>| {
            db.execute("UPDATE inbox_event SET deliveries = 7", [])?;
            db.execute("INSERT INTO inbox_session VALUES (NULL)", [])
        };
        async move { store.task(work).await }
    });
    recording.push(record("evt_3"));
    tokio::task::yield_now().await;
    other.execute_batch("ROLLBACK").expect("it was begun");
    assert!(failing.await.expect("no panic").is_err());
    for recorded in recording {
        assert!(matches!(recorded.await.expect("no panic"), Ok(RecordResult::New { .. })));
    }
    assert_eq!(store.stats().await.expect("it can be read").duplicates, 0, "the failed job changed nothing");
    assert_eq!(claim(&store, 10).await.claims.len(), 3, "each event has one task");
}

#[tokio::test]
async fn a_file_that_vanishes_is_not_made_again() {
    let (_folder, path, store) = new_store();
    store.record(arrival("evt_1", &[])).await.expect("it can be written");
    std::fs::remove_file(&path).expect("it is there");
    let panicking: StoreFuture<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
    assert!(panicking.await.is_err());
    assert!(store.record(arrival("evt_2", &[])).await.is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn what_was_started_and_never_reported_is_ready_again() {
    let (_folder, path, store) = new_store();
    for (id, task) in [("evt_1", at_once(free("a"))), ("evt_2", free("a"))] {
        store.record(arrival(id, &[task])).await.expect("it can be written");
    }
    // As if the commit that started the second one had failed, and taken place all the same.
    let other = Connection::open(&path).expect("it is a database");
    let started = "UPDATE inbox_task SET state = 1, owner = 1, attempt = 1, fence = 1 WHERE id = 2";
    other.execute(started, []).expect("nothing else writes now");
    let panicking: StoreFuture<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
    assert!(panicking.await.is_err());
    let claimed = claim(&store, 10).await.claims;
    let claimed: Vec<_> = claimed.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect();
    assert_eq!(claimed, [(2, 1)], "the first one really runs");
}

#[tokio::test]
async fn what_a_former_process_ran_is_counted_also_if_the_first_write_fails() {
    let (_folder, path, store) = new_store();
    store.record(arrival("evt_1", &[free("a")])).await.expect("it can be written");
    claim(&store, 1).await;
    drop(store);
    let store = Sqlite::<OnDisk>::open(&path, &opening()).expect("no other has it");
    let panicking: StoreFuture<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
    assert!(panicking.await.is_err());
    let began = store.recover(["a"].into()).await.expect("it can be written");
    assert_eq!(began.suspects, 1);
    assert_eq!(claim(&store, 1).await.claims[0].attempt, 2);
}

/// Whatever number the session has: what runs when a server starts is an orphan.
#[tokio::test]
async fn what_runs_at_the_start_is_recovered_whichever_session_it_names() {
    let (_folder, path, store) = new_store();
    store.record(arrival("evt_1", &[free("a")])).await.expect("it can be written");
    claim(&store, 1).await;
    drop(store);
    // As if the number of the session had been lost.
    let other = Connection::open(&path).expect("it is a database");
    other.execute("UPDATE inbox_session SET number = number - 1", []).expect("nothing else writes now");
    drop(other);
    let store = Sqlite::<OnDisk>::open(&path, &opening()).expect("no other has it");
    let recovered = store.recover(["a"].into()).await.expect("it can be written");
    assert_eq!(recovered.suspects, 1);
}

#[tokio::test]
async fn the_end_of_an_old_run_is_not_that_of_the_present_one() {
    let (_folder, _, store) = new_store();
    store.record(arrival("evt_1", &[free("a")])).await.expect("it can be written");
    let old = claim(&store, 1).await.claims.remove(0);
    let released = store.finish(old.ticket, Disposition::Released).await.expect("it can be written");
    assert!(released.was_ours);
    claim(&store, 1).await;
    // As if the answer to the first had been lost.
    let again = store.finish(old.ticket, Disposition::Released).await.expect("it can be written");
    assert!(!again.was_ours);
    let panicking: StoreFuture<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
    assert!(panicking.await.is_err());
    assert!(claim(&store, 10).await.claims.is_empty(), "it runs");
}

#[tokio::test]
async fn a_claim_does_not_look_at_a_whole_lane_at_once() {
    let (_folder, _, store) = new_store();
    let recording = (0..1_200).map(|number| store.record(arrival(&format!("evt_{number}"), &[serial("a")])));
    for recorded in recording.collect::<Vec<_>>() {
        recorded.await.expect("it can be written");
    }
    let first = claim(&store, 10).await;
    assert_eq!((first.claims.len(), first.next_claim), (1, Some(std::time::Duration::ZERO)), "there is more");
    let second = claim(&store, 10).await;
    assert_eq!((second.claims.len(), second.next_claim), (0, None), "all others wait for the first");
}

#[tokio::test]
async fn what_is_freed_is_given_back() {
    let (_folder, path, store) = new_store();
    for number in 0..20 {
        let body = vec![b' '; 100_000].into();
        let event = changed(arrival(&format!("evt_{number}"), &[at_once(free("a"))]), |it| it.body = body);
        let RecordResult::New { started, .. } = store.record(event).await.expect("it can be written") else {
            panic!("it is new")
        };
        store.finish(started[0].ticket, Disposition::Done).await.expect("it can be written");
    }
    let pages = || {
        let other = Connection::open(&path).expect("it is a database");
        other.pragma_query_value(None, "page_count", |row| row.get::<_, u64>(0)).expect("it has pages")
    };
    let before = pages();
    let nothing = std::time::Duration::ZERO;
    let keep = Retention { bodies: nothing, ids: 9 * MAX_FLOOR, parked: 9 * MAX_FLOOR };
    // A body that was received in this very millisecond is kept.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(store.prune(keep, 0).await.expect("it can be written").bodies, 20);
    assert!(pages() < before / 4, "{} of {before} pages", pages());
}

#[tokio::test]
async fn no_number_is_given_twice() {
    let (_folder, path, mut store) = new_store();
    let (mut events, mut tasks) = (Vec::new(), Vec::new());
    for round in 0..4 {
        let event = arrival(&format!("evt_{round}"), &[at_once(free("a")), at_once(free("b"))]);
        let RecordResult::New { started, .. } = store.record(event).await.expect("it can be written") else {
            panic!("it is new")
        };
        for run in started {
            tasks.push(run.ticket.task);
            store.finish(run.ticket, Disposition::Done).await.expect("it can be written");
        }
        events.push(
            store.events(Filter { limit: 1, ..Filter::default() }).await.expect("it can be read")[0].cursor,
        );
        // What was received in this very millisecond is kept.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let nothing = std::time::Duration::ZERO;
        let keep = Retention { bodies: nothing, ids: nothing, parked: nothing };
        assert_eq!(store.prune(keep, 0).await.expect("it can be written").events, 1, "nothing is left");
        if round % 2 == 1 {
            drop(store);
            store = Sqlite::<OnDisk>::open(&path, &opening()).expect("no other has it");
        }
    }
    assert!(events.is_sorted_by(|one, next| one < next), "{events:?}");
    assert!(tasks.is_sorted_by(|one, next| one < next), "{tasks:?}");
}

#[tokio::test]
async fn more_bytes_than_there_is_room_for_are_refused() {
    let (_folder, path, store) = new_store();
    let store = Arc::new(store);
    let other = Connection::open(&path).expect("it is a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
    let record = |id: &str, bytes| {
        let event = changed(arrival(id, &[]), |it| it.body = vec![b' '; bytes].into());
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.record(event).await })
    };
    // The longest body that can be allowed takes all the room there is.
    let first = record("evt_1", 64 * 1024 * 1024);
    assert!(matches!(record("evt_2", 1).await.expect("no panic"), Err(StoreError::Busy)));
    other.execute_batch("ROLLBACK").expect("it was begun");
    assert!(matches!(first.await.expect("no panic"), Ok(RecordResult::New { .. })));
    assert!(matches!(record("evt_2", 1).await.expect("no panic"), Ok(RecordResult::New { .. })));
}

/// How often each statement was compiled again after the first time.
type Prepared = Mutex<BTreeMap<String, i32>>;

/// Records events, and claims, ends, retries, skips, replays and frees tasks.
fn work_through(db: &Connection) {
    let step = std::time::Duration::from_secs(60);
    let end = |number: usize| match number % 5 {
        0 => Disposition::Retry { after: step, error: "failed".to_owned() },
        1 => Disposition::Parked { why: ParkReason::Asked, error: "odd".to_owned() },
        2 => Disposition::Skipped { error: "not wanted".to_owned() },
        3 => Disposition::Released,
        _ => Disposition::Done,
    };
    let of_event =
        |number: i64| NewTask { object: Some(format!("|ch_{}", number % 7)), moment: number, ..serial("a") };
    let numbers = session::Numbers::of(db).expect("it can be read");
    for number in 0..300 {
        let stamp = Stamp { session: 1, now: 1_700_000_000_000 + number * 1_000, numbers: &numbers };
        let tasks = [at_once(of_event(number)), free("b"), at_once(free("c"))];
        let event = arrival(&format!("evt_{number}"), &tasks);
        let store = |event: &NewEvent| {
            let digest = record::digest_of(&event.envelope.body);
            secrets::note_use(db, &event.came_by, stamp.now).expect("it can be written");
            record::record(db, event, &digest, stamp).expect("it can be written");
        };
        store(&event);
        store(&event);
        let again = arrival(
            &format!("evt_{}", number / 2),
            &[of_endpoint(at_once(free("c"))), of_endpoint(free("d"))],
        );
        let again = changed(through("connect", again), |it| it.body = b"{}".to_vec().into());
        store(&again);
        secrets::note_configured(db, &[came_by("/stripe", "new")], stamp.now).expect("it can be written");
        show::stats(db, stamp.now).expect("it can be read");
        backlog::backlog(db, stamp.now).expect("it can be read");
        let claimed =
            claim::claim(db, &capacity(4, &[("a", 2), ("b", 2), ("c", 1)]), stamp).expect("it can be read");
        for (at, claim) in claimed.claims.iter().enumerate() {
            finish::finish(db, claim.ticket, &end(at + number as usize), stamp.now)
                .expect("it can be written");
        }
        operate::retry(db, number, &["a"], stamp.now).expect("it can be written");
        operate::skip(db, number * 2, "not wanted", stamp.now).expect("it can be written");
        operate::replay(db, number / 2, &[of_event(number)], stamp).expect("it can be written");
        show::events_with_id(db, &format!("evt_{number}")).expect("it can be read");
        if number % 50 == 0 {
            let nothing = std::time::Duration::ZERO;
            let keep = Retention { bodies: nothing, ids: step, parked: step };
            prune::prune(db, &keep, 0, stamp).expect("it can be written");
        }
    }
}

#[test]
fn no_statement_is_compiled_twice() {
    use rusqlite::StatementStatus::RePrepare;
    use rusqlite::trace::{TraceEvent, TraceEventCodes};

    // A function that captures nothing: older versions of `rusqlite` take no other.
    static PREPARED: Prepared = Mutex::new(BTreeMap::new());
    fn note(event: TraceEvent<'_>) {
        if let TraceEvent::Profile(statement, _) = event {
            let again = statement.get_status(RePrepare);
            let mut seen = PREPARED.lock().expect("no thread panics");
            let most = seen.entry(statement.sql().into_owned()).or_default();
            *most = again.max(*most);
        }
    }

    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let file = InboxFile::at(&folder.path().join("inbox.db"), &opening()).expect("nothing is there");
    let Ok(mut db) = file.open() else { panic!("a new file can be used") };
    // Older versions return nothing. If this fails, nothing is noted below.
    let _ = db.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note as fn(TraceEvent<'_>)));
    work_through(&db);
    let prepared = PREPARED.lock().expect("no thread panics");
    assert!(prepared.len() > 25, "hardly anything was done: {prepared:#?}");
    assert!(prepared.len() <= 64, "more than the connection keeps: {}", prepared.len());
    let again: Vec<_> = prepared.iter().filter(|(_, times)| **times > 0).collect();
    assert!(again.is_empty(), "{again:#?}");
}

/// Partial indexes are used only where a statement repeats their condition.
#[test]
fn no_statement_reads_a_whole_table() {
    use rusqlite::trace::{TraceEvent, TraceEventCodes};

    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    fn note(event: TraceEvent<'_>) {
        if let TraceEvent::Profile(statement, _) = event {
            SEEN.lock().expect("no thread panics").insert(statement.sql().into_owned());
        }
    }

    /// What may be read whole: indexes of a part of the tasks, and small tables.
    const SMALL: [&str; 11] = [
        "CONSTANT ROW",
        "ready",
        "inbox_number",
        "inbox_quarantine",
        "inbox_secret",
        "INDEX sqlite_autoindex_inbox_quarantine_1",
        "INDEX inbox_task_due",
        "INDEX inbox_task_parked",
        "INDEX inbox_task_running_lane",
        "INDEX inbox_task_suspect",
        "INDEX inbox_task_waiting_lane",
    ];

    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let file = InboxFile::at(&folder.path().join("inbox.db"), &opening()).expect("nothing is there");
    let Ok(mut db) = file.open() else { panic!("a new file can be used") };
    // Older versions return nothing. If this fails, nothing is noted below.
    let _ = db.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note as fn(TraceEvent<'_>)));
    work_through(&db);
    recover::recover(&db, &["a"], 1_800_000_000_000).expect("it can be written");
    let seen = SEEN.lock().expect("no thread panics").clone();
    assert!(seen.len() > 40, "hardly anything was done: {seen:#?}");
    // Only an operator counts everything.
    let seen = seen.iter().filter(|sql| !sql.contains("count(*)") && !sql.contains("sum("));
    for sql in seen.map(String::as_str).chain(backlog::STATEMENTS) {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it was compiled before");
        let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3)).collect::<Result<Vec<_>, _>>();
        let steps = steps.expect("a plan has steps");
        let reads_all =
            |step: &String| step.starts_with("SCAN ") && !SMALL.iter().any(|small| step.ends_with(small));
        assert!(!steps.iter().any(reads_all), "{sql}: {steps:#?}");
    }
}

#[test]
fn a_sqlite_that_can_corrupt_the_log_is_refused() {
    for (number, name) in [(3_046_001, "3.46.1"), (3_050_007, "3.50.7"), (3_051_002, "3.51.2")] {
        let Err(problem) = safe_sqlite(number, name) else { panic!("{name} is not safe") };
        let told =
            unusable(&FileError::new("/data/inbox.db".as_ref(), problem).into(), Interface::CommandLine);
        for said in ["the inbox /data/inbox.db needs SQLite 3.51.3 or newer", name, "can corrupt", "bundled"]
        {
            assert!(told.contains(said), "{said:?} is not in: {told}");
        }
    }
    for (number, name) in [(3_051_003, "3.51.3"), (3_053_000, "3.53.0"), (4_000_000, "4.0.0")] {
        assert!(safe_sqlite(number, name).is_ok(), "{name} is safe");
    }
    // Each version of `rusqlite` that Cargo.toml allows bundles one that is.
    assert!(safe_sqlite(rusqlite::version_number(), rusqlite::version()).is_ok());
}
