//! What an operator reads and changes, and the retention: plans, hostile values, and what waits for what.

use std::sync::Arc;
use std::time::Duration;

use crate::store::clock::{ManualClock, StoreClock};
use crate::store::conformance::{arrival, at_once, came_by, capacity, free, of_endpoint, serial, through};
use crate::store::noted_uses::NotedUses;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::flush::{Statement, transaction};
use crate::store::postgres::opener::Opener;
use crate::store::postgres::problem::Problem;
use crate::store::postgres::values::Value;
use crate::store::postgres::{
    Postgres, cluster, instances, list, operate, prune, quarantine, secrets, show, stats, testing,
};
use crate::store::{
    Disposition, Filter, HandlerStats, NewTask, ParkReason, Pruned, RecordResult, Replayed, Retention, State,
    Store, StoreError,
};

/// The present time of each inbox, in milliseconds since the Unix epoch.
const NOW: i64 = 1_800_000_000_000;

const DAY: i64 = 24 * 60 * 60 * 1_000;

const KEEP: Retention = Retention {
    bodies: Duration::from_secs(7 * 24 * 60 * 60),
    ids: Duration::from_secs(35 * 24 * 60 * 60),
    parked: Duration::from_secs(90 * 24 * 60 * 60),
};

/// An empty inbox in a schema of its own, whose clock stands still.
struct Inbox {
    schema: String,
    opener: Arc<Opener>,
    db: Connection,
}

impl Inbox {
    async fn new() -> Self {
        let clock = StoreClock::manual(&ManualClock::new(NOW));
        let schema = cluster::new_schema();
        let opener = cluster::opener(&schema, Some(clock));
        let db = opener.connect().await.expect("the server runs");
        Self { schema, opener, db }
    }

    /// Another connection to it.
    async fn another(&self) -> Connection {
        self.opener.connect().await.expect("the server runs")
    }

    async fn run(&self, sql: &str) {
        self.db.batch(sql).await.unwrap_or_else(|problem| panic!("{sql}: {problem:?}"));
    }

    /// Inserts a row, and returns its number.
    async fn insert(&self, sql: &str, values: &[Value<'_>]) -> i64 {
        let rows = self.db.query(sql, values).await.unwrap_or_else(|problem| panic!("{sql}: {problem:?}"));
        rows.first().expect("it returns a row").get(0)
    }

    /// Adds an event that arrived `days` ago.
    async fn event(&self, id: &str, days: i64, body: Option<&[u8]>) -> i64 {
        let sql = "INSERT INTO webhook.event (event_id, type, endpoint, secret_label, object_id, livemode, signed_s,
                                              received_ms, batch, body_sha256, body)
                   VALUES ($1, 'charge.updated', '/stripe', 'new', 'ch_1', false, 0, now_ms - $2, 0, '', $3)
                   RETURNING seq";
        self.insert(sql, &[&id, &(days * DAY), &body]).await
    }

    /// Adds a task that is ready.
    async fn ready(&self, event: i64, handler: &str) -> i64 {
        let sql = "INSERT INTO webhook.task (event_seq, handler, scope, lane, moment, strict, state, due_ms)
                   VALUES ($1, $2, $2, 'ch_1', 0, false, 0, 0) RETURNING id";
        self.insert(sql, &[&event, &handler]).await
    }

    /// Adds a task that ended `days` ago.
    async fn ended(&self, event: i64, handler: &str, state: State, days: i64) -> i64 {
        let id = self.ready(event, handler).await;
        let why = (state == State::Parked).then_some(ParkReason::Exhausted);
        let sql = "WITH gone AS (DELETE FROM webhook.task WHERE id = $1 RETURNING *)
                   INSERT INTO webhook.ended (id, event_seq, handler, scope, lane, moment, strict, state, why, attempt, replay,
                                              fence, started_ms, finished_ms, error)
                   SELECT id, event_seq, handler, scope, lane, moment, strict, $2, $3, 12, false, 12, 0, now_ms - $4,
                          'failed' FROM gone RETURNING id";
        self.insert(sql, &[&id, &state, &why, &(days * DAY)]).await
    }

    async fn prune(&self) -> Pruned {
        prune::prune(&self.db, 1, &KEEP, 0).await.expect("it can be written")
    }

    /// Waits until this many statements wait for a lock.
    async fn wait_for_locks(&self, statements: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND position($1 IN query) > 0";
        while self.insert(waiting, &[&self.schema]).await < statements {
            tokio::task::yield_now().await;
        }
    }

    async fn count(&self, table: &str) -> i64 {
        self.insert(&format!("SELECT count(*) FROM webhook.{table}"), &[]).await
    }
}

fn everything() -> Filter {
    Filter { limit: 100, ..Filter::default() }
}

/// Fills the tables with what a year leaves: mostly closed tasks.
const FILL: &str = "
    INSERT INTO webhook.event (event_id, type, endpoint, secret_label, object_id, livemode, signed_s, received_ms, batch,
                               deliveries, body_sha256, body)
    SELECT 'evt_' || n, 'charge.updated', '/stripe', 'new', 'ch_' || n % 1000, true, 0, n, 0, 1 + (n % 50 = 0)::int, '',
           CASE WHEN n > 25000 THEN convert_to('{}', 'UTF8') END
    FROM generate_series(1, 50000) n;
    INSERT INTO webhook.event_endpoint (event_seq, endpoint, secret_label, received_ms)
    SELECT seq, 'connect', 'new', 0 FROM webhook.event;
    INSERT INTO webhook.ended (id, event_seq, handler, scope, object, moment, strict, state, why, attempt, replay, fence,
                               started_ms, finished_ms)
    SELECT n, n, 'handler_' || n % 20, 'handler_' || n % 20, 'ch_' || n % 1000, n, false,
           CASE WHEN n % 1000 = 0 THEN 5 ELSE 3 END, CASE WHEN n % 1000 = 0 THEN 1 END, 1, false, 1, 0, n
    FROM generate_series(1, 49900) n;
    INSERT INTO webhook.task (id, event_seq, handler, scope, lane, moment, strict, state, due_ms)
    SELECT n, n, 'handler_' || n % 20, 'handler_' || n % 20, 'ch_' || n % 1000, n, false, n % 2 * 2, n
    FROM generate_series(49901, 50000) n;
    INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome)
    SELECT n, 1, 0, 0, 0 FROM generate_series(1, 50000) n;";

/// The tables that grow with the inbox's age.
const LARGE: [&str; 4] = ["attempt", "ended", "event", "event_endpoint"];

/// The plan of a statement with these values.
async fn plan(db: &Connection, text: &str, values: &[Value<'_>]) -> String {
    let rows = db.query(&format!("EXPLAIN {text}"), values).await;
    let rows = rows.unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
    rows.iter().map(|row| row.get(0)).collect::<Vec<String>>().join("\n")
}

/// Fails if a statement reads a whole table that grows. Lists of tasks need statistics that are right.
async fn check_plans(db: &Connection, statistics_are_right: bool) {
    let (none, no_number): (Option<&str>, Option<i64>) = (None, None);
    let (no_ids, no_bytes): (Option<&[&str]>, Option<&[u8]>) = (None, None);
    let (limit, after, last, kept) = (100_i64, 30_000_i64, 30_500_i64, 100_i64);
    let (ids, parked, ready, handler): (Option<&[&str]>, _, _, _) =
        (Some(&["evt_7"]), Some(State::Parked), Some(State::Ready), Some("handler_7"));
    let (no_state, no_why): (Option<State>, Option<ParkReason>) = (None, None);
    let (seqs, text, handlers) = (&[7_i64, 49_950][..], "text", &["handler_7"][..]);
    let (names, nulls, flags, moments) = (&["a"][..], &[none][..], &[false][..], &[1_i64][..]);
    let wanted: [Value<'_>; 8] = [&last, &names, &names, &nulls, &nulls, &flags, &moments, &nulls];
    let event: [Value<'_>; 11] =
        [&no_ids, &none, &none, &none, &none, &no_number, &none, &no_bytes, &no_number, &limit, &no_number];
    let (mut event_of_id, mut newer_event) = (event, event);
    event_of_id[0] = &ids;
    newer_event[10] = &last;
    let mut statements: Vec<(&str, Vec<Value<'_>>)> = vec![
        (list::EVENTS, event.to_vec()),
        (list::EVENTS, event_of_id.to_vec()),
        (list::EVENTS, newer_event.to_vec()),
        (show::EVENTS_WITH_ID, vec![&text]),
        (show::TASKS_OF, vec![&seqs]),
        (show::ATTEMPTS_OF, vec![&seqs]),
        (show::QUARANTINED_WITH_ID, vec![&last]),
        (operate::RETRY_OPEN, vec![&last, &handlers]),
        (operate::RETRY_PARKED, vec![&last, &handlers]),
        (operate::SKIP_OPEN, vec![&last, &text]),
        (operate::SKIP_PARKED, vec![&last, &text]),
        (operate::LOCK, vec![&last]),
        (operate::REPLAY_CLOSED, wanted.to_vec()),
        (operate::REPLAY_NEW, wanted.to_vec()),
        (prune::SPAN, vec![&after, &limit, &kept]),
        (prune::DELETE, vec![&after, &last, &kept, &kept, &kept]),
        (prune::EMPTY, vec![&after, &last, &kept]),
        (prune::FORGET_OCCURRENCES, vec![&after, &last]),
        (prune::LOOK_AGAIN, vec![&after, &last]),
        (instances::INSTANCES, vec![]),
    ];
    let of_tasks: [([Value<'_>; 11], Value<'_>, Value<'_>); 4] = [
        (event, &none, &no_state),
        (event, &none, &ready),
        (event_of_id, &none, &no_state),
        (event_of_id, &handler, &parked),
    ];
    for (event, handler, state) in of_tasks.into_iter().filter(|_| statistics_are_right) {
        statements.push((list::TASKS, event.into_iter().chain([handler, state, &no_why]).collect()));
    }
    for (text, values) in &statements {
        let plan = plan(db, text, values).await;
        let reads_all = |line: &&str| {
            let table =
                line.split_once("Seq Scan on ").and_then(|(_, table)| table.split_whitespace().next());
            table.is_some_and(|table| LARGE.contains(&table))
        };
        assert_eq!(plan.lines().find(reads_all), None, "{text}\n{plan}");
    }
    let exhausted = Some(ParkReason::Exhausted);
    let of_parked: [[Value<'_>; 3]; 2] = [[&none, &parked, &no_why], [&none, &no_state, &exhausted]];
    for of_task in of_parked {
        let values: Vec<Value<'_>> = event.into_iter().chain(of_task).collect();
        let plan = plan(db, list::TASKS, &values).await;
        assert!(plan.contains("ended_parked"), "{plan}");
    }
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let analyze = || LARGE.into_iter().chain(["task"]).map(|table| format!("ANALYZE webhook.{table}"));
    let inbox = Inbox::new().await;
    inbox.run(FILL).await;
    for sql in analyze() {
        inbox.run(&sql).await;
    }
    check_plans(&inbox.db, true).await;
    // The statistics of empty tables say nothing once these are full.
    let inbox = Inbox::new().await;
    for sql in analyze() {
        inbox.run(&sql).await;
    }
    inbox.run(FILL).await;
    check_plans(&inbox.db, false).await;
}

#[tokio::test]
async fn a_large_inbox_is_estimated() {
    let inbox = Inbox::new().await;
    inbox.run(FILL).await;
    // Those with the lowest numbers have no task.
    inbox.run("DELETE FROM webhook.ended WHERE id <= 10000").await;
    for table in ["event", "ended"] {
        inbox.run(&format!("ANALYZE webhook.{table}")).await;
    }
    let counted = stats::stats(&inbox.db).await.expect("it can be read");
    assert_eq!((counted.is_estimated, counted.events, counted.unhandled), (false, 50_000, 10_000));
    let estimated = stats::stats_up_to(&inbox.db, 40_000).await.expect("it can be read");
    assert!(estimated.is_estimated);
    let is_near = |estimate: u64, exact: u64| estimate.abs_diff(exact) <= exact / 2;
    assert!(is_near(estimated.events, counted.events), "{}", estimated.events);
    assert!(is_near(estimated.unhandled, counted.unhandled), "{}", estimated.unhandled);
    assert_eq!((estimated.duplicates, estimated.oldest_due_ms), (counted.duplicates, counted.oldest_due_ms));
    assert_eq!(estimated.handlers.len(), counted.handlers.len());
    for (estimate, exact) in estimated.handlers.iter().zip(&counted.handlers) {
        let same = |row: &HandlerStats| (row.handler.clone(), row.state, row.why);
        assert_eq!(same(estimate), same(exact));
        let is_right =
            if exact.state == State::Done { is_near(estimate.tasks, exact.tasks) } else { estimate == exact };
        assert!(is_right, "{estimate:?} {exact:?}");
    }
}

#[tokio::test]
async fn any_body_can_be_listed_by_customer() {
    let inbox = Inbox::new().await;
    let of = |customer: &str| format!(r#"{{"data":{{"object":{{"customer":{customer}}}}}}}"#).into_bytes();
    let large = [of(r#""cus_1""#), vec![b' '; 1 << 20]].concat();
    let bodies: [(&str, Vec<u8>); 11] = [
        ("plain", of(r#""cus_1""#)),
        ("expanded", of(r#"{"id":"cus_1"}"#)),
        ("escaped", of(r#""cu\u0073_1""#)),
        ("with NUL", [br#"{"note":"\u0000","#, &of(r#""cus_1""#)[1..]].concat()),
        ("large", large),
        ("elsewhere", br#"{"data":{"object":{"note":"cus_1"}}}"#.to_vec()),
        ("another", of(r#""cus_10""#)),
        ("a number", of("1")),
        ("not JSON", b"cus_1 \\".to_vec()),
        ("not text", [b"\xff\\cus_1".as_slice(), &[0]].concat()),
        ("quoted", of(r#""o'n\"eill$1""#)),
    ];
    for (id, body) in &bodies {
        let event = inbox.event(id, 0, Some(body)).await;
        inbox.ready(event, "a").await;
        inbox.ended(event, "b", State::Done, 0).await;
    }
    inbox.event("no body", 0, None).await;
    for (customer, expected) in [
        ("cus_1", &["plain", "expanded", "escaped", "with NUL", "large"][..]),
        ("o'n\"eill$1", &["quoted"]),
        ("%", &[]),
        ("cus_1\0", &[]),
        ("", &[]),
    ] {
        let filter = Filter { customer: Some(customer.to_owned()), ..everything() };
        let mut found: Vec<_> = list::events(&inbox.db, &filter)
            .await
            .expect("it can be read")
            .into_iter()
            .map(|row| row.event_id)
            .collect();
        found.reverse();
        assert_eq!(found, expected, "{customer:?}");
        let tasks = list::tasks(&inbox.db, &filter).await.expect("it can be read");
        assert_eq!(tasks.len(), 2 * expected.len(), "{customer:?}");
    }
    let all = Filter { customer: Some("ch_1".to_owned()), ..everything() };
    assert_eq!(
        list::events(&inbox.db, &all).await.expect("it can be read").len(),
        12,
        "it is the object itself"
    );
    assert_eq!(show::events_with_id(&inbox.db, "not text").await.expect("it can be read")[0].body, None);
}

/// With more rows than are looked at in one page.
#[tokio::test]
async fn a_page_of_a_customer_is_full() {
    let inbox = Inbox::new().await;
    for n in 0..90 {
        let customer = if n % 2 == 0 { "cus_even" } else { "cus_odd" };
        let body =
            format!(r#"{{"data":{{"object":{{"customer":"{customer}","others":"cus_even cus_odd"}}}}}}"#);
        inbox.event(&format!("evt_{n}"), 0, Some(body.as_bytes())).await;
    }
    let page = async |after, limit| {
        let filter = Filter { customer: Some("cus_odd".to_owned()), after, limit, ..Filter::default() };
        list::events(&inbox.db, &filter).await.expect("it can be read")
    };
    let first = page(None, 40).await;
    assert_eq!((first.len(), &*first[0].event_id, &*first[39].event_id), (40, "evt_89", "evt_11"));
    let rest = page(Some(first[39].cursor), 40).await;
    assert_eq!((rest.len(), &*rest[4].event_id), (5, "evt_1"));
    assert!(page(None, 0).await.is_empty());
    assert_eq!(page(None, usize::MAX).await.len(), 45);
}

#[tokio::test]
async fn hostile_texts_are_only_texts() {
    let inbox = Inbox::new().await;
    let hostile =
        ["'; DROP TABLE webhook.event; --", "\u{202e}אבג", "$1 now_ms webhook.", "\\x00 \"quoted\""];
    for (n, text) in hostile.iter().enumerate() {
        let event = inbox.event(text, 0, Some(b"{}")).await;
        let task = inbox.ready(event, text).await;
        let filter =
            Filter { event_ids: vec![(*text).to_owned()], handler: Some((*text).to_owned()), ..everything() };
        let found = list::tasks(&inbox.db, &filter).await.expect("it can be read");
        assert_eq!(found.iter().map(|row| row.task).collect::<Vec<_>>(), [task]);
        let large = format!("{text}\0{}", "x".repeat(1 << 20));
        assert!(operate::skip(&inbox.db, task, &large).await.expect("it can be written"));
        let stored = show::events_with_id(&inbox.db, text).await.expect("it can be read");
        assert_eq!(stored[0].tasks[0].error, Some(large.replace('\0', "")));
        let (came_by, noted) = (came_by(text, text), NotedUses::default());
        for is_new in [true, false] {
            let kept =
                quarantine::quarantine(&inbox.db, text.as_bytes(), &large, &came_by, &noted, NOW).await;
            assert_eq!(kept.expect("it can be written"), is_new);
        }
        let kept = show::quarantined(&inbox.db, 1).await.expect("it can be read").remove(0);
        assert_eq!((kept.deliveries, kept.bytes as usize), (2, text.len()));
        let stats = stats::stats(&inbox.db).await.expect("it can be read");
        assert_eq!((stats.secrets.len(), stats.quarantined as usize), (n + 1, n + 1));
        for nul in ["\0", &format!("{text}\0")] {
            let filter = Filter { object_id: Some(nul.to_owned()), ..everything() };
            assert!(list::events(&inbox.db, &filter).await.expect("it can be read").is_empty());
            assert!(show::events_with_id(&inbox.db, nul).await.expect("it can be read").is_empty());
        }
    }
    secrets::note_configured(&inbox.db, &[came_by("/stripe", "new"), came_by("/stripe", "new")])
        .await
        .expect("one that is named twice is noted once");
}

#[tokio::test]
async fn nothing_is_left_of_an_event_that_is_freed() {
    let inbox = Inbox::new().await;
    let event = inbox.event("evt_1", 100, Some(b"{}")).await;
    let task = inbox.ended(event, "a", State::Parked, 100).await;
    inbox.ended(event, "b", State::Done, 100).await;
    let attempt = "INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome) VALUES ($1, 1, 0, 0, 0) RETURNING id";
    inbox.insert(attempt, &[&task]).await;
    let endpoint = "INSERT INTO webhook.event_endpoint (event_seq, endpoint, secret_label, received_ms)
                    VALUES ($1, 'connect', 'new', 0) RETURNING id";
    inbox.insert(endpoint, &[&event]).await;
    assert_eq!(inbox.prune().await, Pruned { events: 1, parked: 1, ..Pruned::default() });
    for table in ["event", "event_endpoint", "task", "ended", "attempt"] {
        assert_eq!(inbox.count(table).await, 0, "{table}");
    }
}

/// What an operator is about to run again is not freed, and what was freed is not run again.
#[tokio::test]
async fn a_replay_and_the_retention_wait_for_each_other() {
    let inbox = Inbox::new().await;
    let event = inbox.event("evt_1", 100, Some(b"{}")).await;
    let task = inbox.ended(event, "a", State::Parked, 100).await;
    // A replay, or a retry, has the event's row.
    let other = inbox.another().await;
    other.batch("BEGIN").await.expect("nothing is open");
    other.query(operate::LOCK, &[&event]).await.expect("nobody else has it");
    assert_eq!(inbox.prune().await, Pruned::default());
    other.batch("ROLLBACK").await.expect("it was begun");
    // The retention has it.
    let (kept, long) = (0_i64, 90 * DAY);
    let delete: [Value<'_>; 5] = [&kept, &event, &long, &long, &long];
    other.batch("BEGIN").await.expect("nothing is open");
    let deleted = other.query(prune::DELETE, &delete).await.expect("nobody else has it");
    assert_eq!(deleted[0].get::<_, i64>(0), 1);
    let (replaying, retrying) = (inbox.another().await, inbox.another().await);
    let replay =
        tokio::spawn(async move { operate::replay(&replaying, event, &[free("a"), serial("b")]).await });
    let retry = tokio::spawn(async move { operate::retry(&retrying, task, &["a"]).await });
    inbox.wait_for_locks(2).await;
    other.batch("COMMIT").await.expect("it was begun");
    assert_eq!(replay.await.expect("no panic").expect("it can be written"), Replayed::Unknown);
    assert!(!retry.await.expect("no panic").expect("it can be written"));
    assert_eq!((inbox.count("task").await, inbox.count("ended").await), (0, 0));
}

/// Frees an old event, and does something between the moment at which the step looks and the one at which it locks. Returns
/// how many events it has freed.
async fn free_while(inbox: &Inbox, event: i64, done: impl Future<Output = ()>) -> Result<i64, Problem> {
    const GATE: i64 = 7;
    // The statement has looked at the tasks when it comes to the gate, which is closed.
    inbox.db.query("SELECT pg_advisory_lock($1)", &[&GATE]).await.expect("nobody has it");
    let gate = format!("pg_advisory_xact_lock({GATE})::text IS NOT NULL AND e.seq > $1");
    let delete: &str = prune::DELETE.replacen("e.seq > $1", &gate, 1).leak();
    let pruning = inbox.another().await;
    let step = tokio::spawn(async move {
        let (from, none) = (0_i64, 0_i64);
        let delete = Statement::new(delete, &[&from, &event, &none, &none, &none]);
        let rows =
            transaction(&pruning, &[delete, Statement::new(prune::LOOK_AGAIN, &[&from, &event])]).await;
        assert!(pruning.is_usable(), "the step is taken again on it");
        rows.map(|rows| rows[0][0].get(0))
    });
    inbox.wait_for_locks(1).await;
    done.await;
    inbox.db.query("SELECT pg_advisory_unlock($1)", &[&GATE]).await.expect("it was locked");
    step.await.expect("no panic")
}

#[tokio::test]
async fn a_replay_that_the_retention_does_not_see_is_not_lost() {
    let inbox = Inbox::new().await;
    let event = inbox.event("evt_1", 100, Some(b"{}")).await;
    inbox.ended(event, "a", State::Done, 100).await;
    let replay = async {
        let replayed = operate::replay(&inbox.db, event, &[free("a")]).await.expect("it can be written");
        assert_eq!(replayed, Replayed::Ready(1));
    };
    let deleted = free_while(&inbox, event, replay).await;
    assert!(matches!(deleted, Err(Problem::Refused(_))), "{deleted:?}");
    assert_eq!((inbox.count("event").await, inbox.count("task").await), (1, 1));
}

/// The event comes through another endpoint, or its task is retried and fails again.
#[tokio::test]
async fn nothing_else_that_the_retention_does_not_see_is_left_without_its_event() {
    let inbox = Inbox::new().await;
    for comes_again in [true, false] {
        let event = inbox.event("evt_1", 100, Some(b"{}")).await;
        let parked = inbox.ended(event, "a", State::Parked, 100).await;
        let meanwhile = async {
            if comes_again {
                let endpoint =
                    "INSERT INTO webhook.event_endpoint (event_seq, endpoint, secret_label, received_ms)
                                VALUES ($1, '/other', 'new', 0) RETURNING id";
                inbox.insert(endpoint, &[&event]).await;
            } else {
                assert!(operate::retry(&inbox.db, parked, &["a"]).await.expect("it can be written"));
                inbox.run("DELETE FROM webhook.task").await;
                inbox.ended(event, "a", State::Parked, 0).await;
            }
        };
        let deleted = free_while(&inbox, event, meanwhile).await;
        assert!(matches!(deleted, Err(Problem::Refused(_))), "{comes_again}: {deleted:?}");
        assert_eq!((inbox.count("event").await, inbox.count("ended").await), (1, 1));
        inbox
            .run("DELETE FROM webhook.event; DELETE FROM webhook.ended; DELETE FROM webhook.event_endpoint")
            .await;
    }
}

/// What no operation can leave behind holds nothing up for ever: only the step that meets it frees nothing.
#[tokio::test]
async fn a_step_with_a_task_that_has_lost_its_event_frees_nothing() {
    let inbox = Inbox::new().await;
    let old = inbox.event("evt_1", 100, Some(b"{}")).await;
    inbox.ended(old, "a", State::Done, 100).await;
    let gone = inbox.event("evt_2", 0, None).await;
    let orphan = inbox.ready(gone, "a").await;
    assert_eq!(inbox.prune().await, Pruned::default());
    assert_eq!(inbox.count("event").await, 2);
    inbox.insert("DELETE FROM webhook.task WHERE id = $1 RETURNING id", &[&orphan]).await;
    assert_eq!(inbox.prune().await, Pruned { events: 1, ..Pruned::default() });
}

#[tokio::test]
async fn one_instance_frees_what_is_old() {
    let inbox = Inbox::new().await;
    let join = "INSERT INTO webhook.instance VALUES ($1, 'web-1', '1.2', 8, '{a,b}', now_ms - 1, now_ms + $2) RETURNING id";
    inbox.insert(join, &[&1_i64, &60_000_i64]).await;
    let event = inbox.event("evt_1", 100, Some(b"{}")).await;
    let take = "INSERT INTO webhook.chore VALUES ('prune', 1, now_ms + 60000) RETURNING holder";
    inbox.insert(take, &[]).await;
    let free = async || prune::prune(&inbox.db, 2, &KEEP, 0).await.expect("it can be written");
    assert_eq!(free().await, Pruned::default(), "the other one does it");
    let listed = instances::list(&inbox.db).await.expect("it can be read");
    assert_eq!((&*listed[0].name, &*listed[0].version, listed[0].slots), ("web-1", "1.2", 8));
    assert_eq!((&listed[0].handlers[..], listed[0].running), (&["a".to_owned(), "b".to_owned()][..], 0));
    assert_eq!((listed[0].joined_ms, listed[0].lease_until_ms), (NOW - 1, NOW + 60_000));
    assert!(listed[0].is_alive);
    // It dies.
    inbox.insert("UPDATE webhook.instance SET lease_until_ms = now_ms RETURNING id", &[]).await;
    assert!(!instances::list(&inbox.db).await.expect("it can be read")[0].is_alive);
    assert_eq!(free().await, Pruned { events: 1, ..Pruned::default() }, "{event}");
    assert_eq!(inbox.insert("SELECT count(*) FROM webhook.chore WHERE holder IS NULL", &[]).await, 1);
}

/// What must not be there, however operations meet.
pub(super) const NEVER: [(&str, &str); 7] = [
    ("a handler's second task of an event", "webhook.task t JOIN webhook.ended c USING (event_seq, handler)"),
    (
        "an open task whose event or body is gone",
        "webhook.task t WHERE NOT EXISTS (
             SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq AND e.body IS NOT NULL)",
    ),
    (
        "a closed task whose event is gone",
        "webhook.ended t WHERE NOT EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq)",
    ),
    (
        "an endpoint whose event is gone",
        "webhook.event_endpoint t WHERE NOT EXISTS (SELECT 1 FROM webhook.event e WHERE e.seq = t.event_seq)",
    ),
    (
        "an occurrence whose task is gone",
        "webhook.occurrence c
         WHERE NOT EXISTS (SELECT 1 FROM webhook.task t WHERE (t.event_seq, t.handler) = (c.event_seq, c.handler))
           AND NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE (t.event_seq, t.handler) = (c.event_seq, c.handler))",
    ),
    (
        "an attempt whose task is gone",
        "webhook.attempt a WHERE NOT EXISTS (SELECT 1 FROM webhook.task t WHERE t.id = a.task)
                             AND NOT EXISTS (SELECT 1 FROM webhook.ended t WHERE t.id = a.task)",
    ),
    (
        "a blocked task that nothing will free",
        "webhook.task t WHERE t.state = 2 AND NOT EXISTS (
             SELECT 1 FROM webhook.task o WHERE o.scope = t.scope AND o.lane = t.lane AND o.state IN (0, 1))",
    ),
];

/// Does everything that can be done to a few events, in an order that depends on `seed`. Returns how many events it stored
/// and freed.
async fn meddle(store: Arc<Postgres>, seed: u64) -> (u64, u64) {
    const NOTHING: Retention =
        Retention { bodies: Duration::ZERO, ids: Duration::ZERO, parked: Duration::ZERO };
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut stored, mut freed) = (0, 0);
    for _ in 0..150 {
        let event = format!("evt_{}", random(4));
        let cursor = store.events_with_id(event.clone()).await.expect("it can be read");
        let cursor = cursor.first().map_or(-1, |stored| stored.event.cursor);
        // Two of the events are twins, and the handler `a` takes both.
        let a = || {
            let occurrence = if ["evt_0", "evt_1"].contains(&&*event) { "evt_0" } else { &*event };
            NewTask { occurrence: Some(occurrence.to_owned()), ..serial("a") }
        };
        let tasks = store.tasks(everything()).await.expect("it can be read");
        let with_a = tasks.iter().filter(|row| row.handler == "a");
        let of_twins = with_a.filter(|row| ["evt_0", "evt_1"].contains(&&*row.event_id)).count();
        assert!(of_twins <= 1, "{tasks:?}");
        let task = tasks.get(random(8) as usize).map_or(-1, |row| row.task);
        let done = match random(10) {
            way @ 0..3 => {
                let arrival = match way {
                    0 => arrival(&event, &[at_once(a()), free("b")]),
                    _ => arrival(&event, &[of_endpoint(a()), of_endpoint(free("c"))]),
                };
                let arrival = through(&format!("endpoint {}", random(9)), arrival);
                let recorded = store.record(arrival).await;
                recorded.map(|recorded| stored += u64::from(matches!(recorded, RecordResult::New { .. })))
            }
            3 => store.retry(task, ["a", "b", "c"].into()).await.map(drop),
            4 => store.skip(task, "not wanted".to_owned()).await.map(drop),
            5 => store.replay(cursor, vec![a(), free("c")]).await.map(drop),
            6 | 7 => store.prune(NOTHING, 0).await.map(|done| freed += done.events),
            _ => match store.claim(capacity(4, &[("a", 2), ("b", 2), ("c", 2)])).await {
                Ok(claimed) => {
                    for claim in claimed.claims {
                        let error = || "failed".to_owned();
                        let end = match random(4) {
                            0 => Disposition::Done,
                            1 => Disposition::Skipped { error: error() },
                            2 => Disposition::Parked { why: ParkReason::Asked, error: error() },
                            _ => Disposition::Retry { after: Duration::ZERO, error: error() },
                        };
                        let ended = store.finish(claim.ticket, end).await.expect("nothing collides with it");
                        assert!(ended.was_ours);
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        done.unwrap_or_else(|error| assert!(matches!(error, StoreError::Busy), "{error:?}"));
    }
    (stored, freed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_once_leaves_the_inbox_in_order() {
    let (schema, clock) = (cluster::new_schema(), StoreClock::system(0));
    let inbox = testing::Inbox::new(&schema, clock.clone());
    let mut meddling = Vec::new();
    for seed in 0..3 {
        let store = Arc::new(inbox.instance(Duration::from_secs(600)));
        store.recover(["a", "b", "c"].into()).await.expect("it can be written");
        for half in 0..2 {
            meddling.push(tokio::spawn(meddle(Arc::clone(&store), 10 * seed + half)));
        }
    }
    let (mut stored, mut freed) = (0, 0);
    for meddling in meddling {
        let (more, less) = meddling.await.expect("no panic");
        (stored, freed) = (stored + more, freed + less);
    }
    let opener = cluster::opener(&schema, Some(clock));
    let db = opener.connect().await.expect("the server runs");
    for (what, rows) in NEVER {
        let found = db.query(&format!("SELECT count(*) FROM {rows}"), &[]).await.expect("it can be read");
        assert_eq!(found[0].get::<_, i64>(0), 0, "{what}");
    }
    let left = db.query("SELECT count(*) FROM webhook.event", &[]).await.expect("it can be read");
    assert_eq!(
        left[0].get::<_, i64>(0).unsigned_abs(),
        stored - freed,
        "{stored} were stored, {freed} freed"
    );
    assert!(freed > 0, "it is not about an inbox that only grows");
}
