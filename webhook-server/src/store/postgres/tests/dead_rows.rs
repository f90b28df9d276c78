//! How much each statement reads while an old transaction keeps the server from removing any row.
//!
//! Then the server's beliefs about the open tasks are wrong: few rows, on many pages, or none at all. A plan that follows them
//! reads everything that has been open since the transaction began. So each statement must be written in such a way that what
//! it reads does not depend on the beliefs. The server tells, in its log, what each has read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use test_postgres::Postgres as Server;

use super::protocol::Instance;
use crate::store::clock::{ManualClock, StoreClock};
use crate::store::conformance::{arrival, at_once, free, of_endpoint, through};
use crate::store::postgres::arrivals::Arrival;
use crate::store::postgres::backlog;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::finish::{clear_suspect, finish};
use crate::store::postgres::heartbeat::{Looks, look_after};
use crate::store::postgres::low_water::LowWater;
use crate::store::postgres::opener::Opener;
use crate::store::postgres::record_again::record_again;
use crate::store::postgres::recover::{Settled, leave, renew};
use crate::store::{Claim, Disposition, Lane, NewTask, ParkReason, Ticket};

/// The dead rows: as many tasks as this, each in a lane of two, were ready, were started, and have gone.
const GONE: i64 = 30_000;

/// Marks the statements of this test.
const OWN: &str = "-- the test's own\n";

/// What a statement may read at most, in buffers.
#[derive(Clone, Copy, Debug)]
enum Reads {
    UpTo(i64),
    /// Everything, but at its own pace, or when an instance joins, or for an operator.
    Everything,
}

use Reads::{Everything, UpTo};

/// The statements that instances run: the file and the name of each, how it begins, and what it reads. No two begin the same
/// way.
const STATEMENTS: &[(&str, &str, Reads)] = &[
    // What arrives.
    ("record::RECORD", "WITH arrived AS MATERIALIZED", UpTo(1_000)),
    (
        "record::RECORD_LEFT_OUT",
        "INSERT INTO webhook.task (id, event_seq, handler, scope, object, lane, strict, moment, state, due_ms) SELECT nextval",
        UpTo(200),
    ),
    ("record::WRITE_AGAIN", "UPDATE webhook.event SET batch = batch", UpTo(200)),
    ("record::RECORDED", "SELECT e.event_id, EXISTS", UpTo(200)),
    ("record_again::LOCK", "SELECT 1 FROM webhook.event WHERE event_id", UpTo(20)),
    ("record_again::RECORD_AGAIN", "WITH known AS MATERIALIZED", UpTo(200)),
    (
        "occurrences::TAKE",
        "INSERT INTO webhook.occurrence (event_seq, handler, occurrence) SELECT e.seq, k.handler, k.occurrence FROM unnest($2, $3, $4)",
        UpTo(200),
    ),
    (
        "occurrences::TAKE_AGAIN",
        "INSERT INTO webhook.occurrence (event_seq, handler, occurrence) SELECT e.seq, k.handler, k.occurrence FROM unnest($1",
        UpTo(100),
    ),
    ("occurrences::INSERT_TASKS", "WITH k AS MATERIALIZED", UpTo(1_000)),
    ("occurrences::TAKEN", "SELECT k.event_id FROM unnest", UpTo(200)),
    ("secrets::NOTE_USE", "WITH used AS MATERIALIZED", UpTo(20)),
    // What runs.
    ("claim::START_SUSPECT", "WITH next AS MATERIALIZED", UpTo(100)),
    ("claim::RUNNING_SUSPECT", "SELECT crashes FROM webhook.task", UpTo(20)),
    ("round::ROUND", "WITH due AS MATERIALIZED", UpTo(600)),
    ("claim::BODIES", "SELECT seq, endpoint, body FROM webhook.event", UpTo(50)),
    ("claim::NEXT_DUE", "SELECT min(due_ms)", UpTo(20)),
    ("low_water::FIRST_READY", "SELECT h.handler, h.low, least", UpTo(100)),
    (
        "lanes::PROMOTE_AFTER",
        "WITH freed (scope, lane, strict) AS MATERIALIZED (SELECT DISTINCT scope, lane, false FROM ( SELECT",
        UpTo(300),
    ),
    (
        "lanes::PROMOTE_IF_FREE",
        "WITH freed (scope, lane, strict) AS MATERIALIZED (SELECT DISTINCT x.scope, x.lane, x.strict FROM unnest",
        UpTo(100),
    ),
    ("finish::CLOSE", "WITH gone AS ( DELETE FROM webhook.task t USING unnest", UpTo(300)),
    ("finish::BACK", "WITH back AS ( UPDATE webhook.task t SET state = 0", UpTo(200)),
    ("finish::ANY_DUE", "SELECT (SELECT 1 FROM webhook.task WHERE state + 0 = 0", UpTo(50)),
    ("finish::HAVE_ENDED", "SELECT f.id FROM unnest", UpTo(100)),
    ("finish::TRIM_ATTEMPTS", "DELETE FROM webhook.attempt a USING unnest", UpTo(100)),
    ("finish::CLEAR_SUSPECT", "UPDATE webhook.task SET suspect = 2", UpTo(50)),
    // What is done at each heartbeat.
    ("recover::RENEW", "WITH before AS MATERIALIZED", UpTo(50)),
    ("recover::RELEASE", "UPDATE webhook.task t SET state = 0, owner = NULL", UpTo(500)),
    ("recover::BURY", "DELETE FROM webhook.instance WHERE id IN", UpTo(50)),
    ("recover::INHERIT", "WITH gap (after, before)", UpTo(500)),
    ("recover::PARK_POISON", "WITH gone AS (DELETE FROM webhook.task WHERE state = 1", UpTo(50)),
    ("recover::PUT_OFF", "UPDATE webhook.task SET due_ms", UpTo(20)),
    ("turns::TAKE", "INSERT INTO webhook.chore AS c (name, until_ms)", UpTo(50)),
    (
        "sweep::PROMOTE",
        "WITH freed (scope, lane, strict) AS MATERIALIZED (SELECT DISTINCT x.scope, x.lane, x.strict FROM webhook.task x",
        UpTo(300),
    ),
    ("missing_handlers::NOTE_READY", "WITH RECURSIVE ready", UpTo(100)),
    (
        "missing_handlers::MAY_PARK",
        "SELECT EXISTS ( SELECT 1 FROM webhook.missing_handler t … AND ((SELECT 1 FROM webhook.task o WHERE o.handler = t.handler AND o.state = 0",
        UpTo(50),
    ),
    (
        "missing_handlers::IS_BACK",
        "SELECT EXISTS (SELECT 1 FROM webhook.missing_handler t WHERE EXISTS",
        UpTo(20),
    ),
    // What is paced.
    ("recover::UNKNOWN", "SELECT id, fence FROM webhook.task", Everything),
    ("sweep::LOOK", "SELECT DISTINCT ON (x.scope, x.lane) x.id", Everything),
    ("low_water::LEFT_BEHIND", "SELECT h.handler, t.due_ms", Everything),
    // When an instance joins or leaves.
    ("recover::JOIN", "INSERT INTO webhook.instance", UpTo(50)),
    ("recover::LEAVE", "DELETE FROM webhook.instance WHERE id = $1", UpTo(20)),
    (
        "missing_handlers::NOTE_ALL",
        "INSERT INTO webhook.missing_handler (handler, since_ms) SELECT DISTINCT",
        Everything,
    ),
    (
        "missing_handlers::MAY_PARK_ANY",
        "SELECT EXISTS ( SELECT 1 FROM webhook.missing_handler t … AND ((SELECT 1 FROM webhook.task o WHERE o.handler = t.handler AND o.state = 2",
        Everything,
    ),
    ("missing_handlers::PARK", "WITH missing AS MATERIALIZED", Everything),
    ("missing_handlers::LOCK_BACK", "SELECT 1 FROM webhook.missing_handler t WHERE EXISTS", UpTo(20)),
    ("missing_handlers::RESUME", "WITH parked AS MATERIALIZED", UpTo(200)),
    ("missing_handlers::FORGET", "DELETE FROM webhook.missing_handler", UpTo(50)),
    (
        "lanes::PROMOTE",
        "WITH freed (scope, lane, strict) AS MATERIALIZED (SELECT DISTINCT x.scope, x.lane, false FROM unnest",
        UpTo(50),
    ),
    // In a handler's transaction.
    ("transactions::COMPLETE", "WITH gone AS ( DELETE FROM webhook.task WHERE id = $1", UpTo(50)),
    // For operators.
    ("backlog::QUARANTINED", "SELECT count(*) FROM webhook.quarantine", UpTo(20)),
    ("backlog::OPEN_OR_PARKED", "SELECT handler, state, why, tasks", Everything),
    ("secrets::LIST", "SELECT endpoint, label, fingerprint", UpTo(20)),
];

/// Files whose statements are for operators, the retention or the schema, and those of other files that are.
const OTHERS: &[&str] = &[
    "alarms",
    "instances",
    "list",
    "operate",
    "plans",
    "prune",
    "quarantine",
    "requirements",
    "schema",
    "show",
    "stats",
    "take_in",
    "texts",
    "occurrences::TAKE_FOR_REPLAY",
    "recover::BURY_NAMED",
    "secrets::FORGET",
    "secrets::NOTE_CONFIGURED",
    "transactions::COMPLETION",
    "transactions::INBOX",
    "transactions::MAY_COMPLETE",
];

/// Every constant text of this store is in one of the lists.
#[test]
fn no_statement_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).expect("the sources are here") {
        let path = file.expect("it can be read").path();
        let (Some(name), Some("rs")) =
            (path.file_stem().and_then(|name| name.to_str()), path.extension().and_then(|end| end.to_str()))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("it is text");
        for line in text.lines() {
            let constant = line.split_once("const ").and_then(|(_, rest)| rest.split_once(": &str ="));
            found.extend(constant.map(|(constant, _)| format!("{name}::{constant}")));
        }
    }
    assert!(found.len() > STATEMENTS.len());
    let is_listed = |name: &String| {
        let file = name.split("::").next().unwrap_or_default();
        STATEMENTS.iter().any(|(known, ..)| known == name)
            || OTHERS.contains(&file)
            || OTHERS.contains(&&**name)
    };
    found.retain(|name| !is_listed(name));
    assert!(found.is_empty(), "say what these may read: {found:?}");
}

/// An inbox with two instances, and what they have been through.
struct Scene {
    server: Server,
    opener: Arc<Opener>,
    clock: ManualClock,
    one: Instance,
    two: Instance,
    low_water: LowWater,
    looks: Looks,
    settled: Settled,
    rounds: i64,
}

fn in_lane(handler: &'static str, key: String) -> NewTask {
    NewTask { lane: Some(Lane { key, strict: false }), ..free(handler) }
}

/// Whether a statement begins like this. The mark `…` stands for any text.
fn fits(text: &str, begins: &str) -> bool {
    let mut rest = Some(text);
    for (nth, part) in begins.split(" … ").enumerate() {
        rest = rest
            .and_then(|rest| if nth == 0 { rest.strip_prefix(part) } else { Some(rest.split_once(part)?.1) });
    }
    rest.is_some()
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start_with(&[
            "session_preload_libraries=auto_explain",
            "auto_explain.log_min_duration=0",
            "auto_explain.log_analyze=on",
            "auto_explain.log_timing=off",
            "auto_explain.log_buffers=on",
            "auto_explain.log_format=json",
            "shared_buffers=256MB",
        ]);
        let clock = ManualClock::new(1_800_000_000_000);
        let opener = Opener::new(&server.url(), "webhook", true, Some(StoreClock::manual(&clock)));
        let opener = Arc::new(opener.expect("the URL is right"));
        let (one, two) = (Instance::by(&opener, &clock).await, Instance::by(&opener, &clock).await);
        let (low_water, looks, settled) = (LowWater::default(), Looks::default(), Settled::default());
        Self { server, opener, clock, one, two, low_water, looks, settled, rounds: 0 }
    }

    async fn run(&self, sql: &str) {
        self.one
            .db
            .batch(&format!("{OWN}{sql}"))
            .await
            .unwrap_or_else(|problem| panic!("{sql}: {problem:?}"));
    }

    /// Opens a transaction that sees everything as it is now.
    async fn open_transaction(&self) -> Connection {
        let old = self.opener.connect().await.expect("the server runs");
        old.batch("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM webhook.meta")
            .await
            .expect("it begins");
        old
    }

    /// Stores tasks that are started, and go.
    async fn tasks_come_and_go(&self) {
        let [one, two] = [&self.one, &self.two].map(|instance| instance.session.id());
        self.run(&format!(
            "INSERT INTO webhook.task (event_seq, handler, scope, object, lane, moment, strict, state, due_ms)
             SELECT -n, h, h, '|' || n, CASE WHEN n % 3 > 0 THEN 'gone ' || n / 6 END, 1, false, 0, now_ms - 600000 + n
             FROM generate_series(1, {GONE}) AS n, substr('ab', n % 2 + 1, 1) AS h"
        )).await;
        for turn in 0..6 {
            self.run(&format!(
                "UPDATE webhook.task SET state = 1, fence = 1, owner = CASE WHEN id % 4 < 2 THEN {one} ELSE {two} END
                 WHERE event_seq % 6 = -{turn}"
            )).await;
            // The server learns how many there are while most are there.
            let learn = if turn == 1 { "ANALYZE webhook.task" } else { "" };
            self.run(&format!("{learn}; DELETE FROM webhook.task WHERE event_seq % 6 = -{turn}")).await;
        }
    }

    /// Eight events, two in a lane, each with another task that needs none.
    fn events(&mut self) -> Vec<Arrival> {
        self.rounds += 1;
        let event = |nth: i64| {
            let lane = format!("{}/{}", self.rounds, nth / 2);
            let tasks = [at_once(in_lane("a", lane)), at_once(free("b"))];
            Arrival { event: arrival(&format!("evt_{}_{nth}", self.rounds), &tasks), digest: vec![1] }
        };
        (0..8).map(event).collect()
    }

    /// Does everything that instances do.
    async fn live(&mut self) {
        self.run("DELETE FROM webhook.task WHERE suspect > 0").await;
        self.looks = Looks::default();
        let events = self.events();
        let started = self.one.record_all(self.rounds, &events, false).await;
        assert_eq!(started.len(), 12, "four first ones of a lane, and eight without one");
        let known: Vec<Arrival> = events
            .iter()
            .map(|known| {
                let id = &known.event.envelope.id;
                let twin = NewTask { occurrence: Some(id.clone()), ..free("c") };
                let event = arrival(id, &[of_endpoint(at_once(free("b"))), of_endpoint(at_once(twin))]);
                Arrival { event: through("/other", event), digest: vec![1] }
            })
            .collect();
        let known: Vec<&Arrival> = known.iter().take(2).collect();
        let added = record_again(&self.one.db, &self.one.session, &known, &self.one.noted)
            .await
            .expect("they are known");
        assert_eq!(added.len(), 2);
        // Each has a twin, which gets no task.
        let mut twins = self.events();
        for (nth, twin) in twins.iter_mut().enumerate() {
            let occurrence = format!("{}/{}", self.rounds, nth / 2);
            twin.event.tasks.iter_mut().for_each(|task| task.occurrence = Some(occurrence.clone()));
        }
        let of_twins = self.one.record_all(self.rounds, &twins, false).await;
        assert_eq!(of_twins.len(), 8, "two of each pair");
        self.end(&self.one, &of_twins, 100).await;
        // The others are blocked.
        let others = self.two.claim_from(&self.low_water).await;
        self.end(&self.two, &others, 100).await;
        self.end(&self.one, &started, 3).await;
        // They are ready, and one is due again.
        self.low_water.hurry();
        let claimed = self.two.claim_from(&self.low_water).await;
        assert!(claimed.len() >= 4, "{claimed:?}");
        clear_suspect(&self.two.db, &self.two.session, claimed[0].ticket).await.expect("it is ours");
        let done = self.two.complete(claimed[0].ticket).await;
        assert_eq!(done, 1);
        self.end(&self.two, &claimed, 100).await;

        // An outcome is unknown, and the runs are not known.
        let events = self.events();
        assert!(!self.one.record_all(self.rounds, &events, true).await.is_empty());
        self.one.session.live().clear();
        // A task is blocked in a free lane, and one has a handler that no instance has.
        let blocked = [arrival(
            &format!("evt_{}_blocked", self.rounds),
            &[in_lane("a", format!("{}/free", self.rounds)), in_lane("m", "m".to_owned())],
        )];
        let blocked = blocked.map(|event| Arrival { event, digest: vec![1] });
        self.one.record_all(self.rounds, &blocked, false).await;
        self.run("UPDATE webhook.task SET state = 2 WHERE lane LIKE '%/free'").await;
        // Another instance dies.
        let dead = Instance::by(&self.opener, &self.clock).await;
        let events = self.events();
        assert!(!dead.record_all(self.rounds, &events, false).await.is_empty());
        let leaving = Instance::by(&self.opener, &self.clock).await;
        leave(&leaving.db, &leaving.session).await.expect("it has joined");
        for minutes in [2, 0, 0, 11, 0] {
            self.clock.advance(Duration::from_secs(60 * minutes));
            let both = [&self.two, &self.one];
            for Instance { db, session, timing, .. } in both {
                let renewed = renew(db, session, timing, &self.settled).await;
                assert!(renewed.expect("it can be written").is_some(), "it is alive");
            }
            for Instance { db, session, timing, .. } in both {
                let looked = look_after(db, session, timing, true, &self.looks, &self.low_water).await;
                looked.expect("it can be written");
            }
        }
        let suspects = self.one.claim_from(&self.low_water).await;
        assert!(!suspects.is_empty());
        self.end(&self.one, &suspects, 100).await;
        backlog::backlog(&self.one.db).await.expect("it can be read");
    }

    /// Ends runs, some of them without success.
    async fn end(&self, instance: &Instance, runs: &[Claim], one_in: usize) {
        let ends = [
            Disposition::Retry { after: Duration::ZERO, error: "again".into() },
            Disposition::Parked { why: ParkReason::Asked, error: "parked".into() },
            Disposition::Skipped { error: "skipped".into() },
            Disposition::Released,
        ];
        let mut others = ends.iter();
        let end = |(nth, run): (usize, &Claim)| {
            let other = if nth % one_in == 1 { others.next() } else { None };
            (run.ticket, other.unwrap_or(&Disposition::Done))
        };
        let ends: Vec<(Ticket, &Disposition)> = runs.iter().enumerate().map(end).collect();
        for again in [false, true] {
            finish(&instance.db, &instance.session, &ends, again, &self.low_water)
                .await
                .expect("it is stored");
        }
    }

    /// What the statements have read that ended since the log had this length: each the most, and its plan.
    fn read_since(&self, start: usize) -> BTreeMap<&'static str, (i64, Json)> {
        let mut most = BTreeMap::new();
        let log = self.server.log();
        for entry in log[start..].split(" plan:\n").skip(1) {
            let lines = entry.lines().take_while(|line| line.starts_with('\t'));
            let told: Json = serde_json::from_str(&lines.collect::<Vec<_>>().concat()).expect("it is JSON");
            let text =
                told["Query Text"].as_str().expect("it has a text").replace("\"webhook\".", "webhook.");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut known = STATEMENTS.iter().filter(|(_, begins, _)| fits(&text, begins));
            let Some((name, _, reads)) = known.next() else {
                let is_own = text.starts_with(OWN.trim()) || !text.contains("webhook.");
                assert!(is_own, "say what this may read: {text}");
                continue;
            };
            assert!(known.next().is_none(), "{text}");
            let is_compiled = !told["JIT"].is_null() && matches!(reads, UpTo(_));
            assert!(!is_compiled, "{name} was compiled, which takes longer than to run it");
            let plan = &told["Plan"];
            let read =
                ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|key| plan[key].as_i64()).sum();
            let one = most.entry(*name).or_insert((0, Json::Null));
            if read >= one.0 {
                *one = (read, plan.clone());
            }
        }
        most
    }
}

#[tokio::test]
async fn no_statement_reads_past_what_an_old_transaction_keeps() {
    let mut scene = Scene::new().await;
    scene.one.claim_from(&scene.low_water).await;
    let _old = scene.open_transaction().await;
    scene.tasks_come_and_go().await;
    let mut too_much = Vec::new();
    let mut table: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    // What the server believes: that there are as many as there were, that there are few, or none.
    for learn in [
        "SELECT",
        "ANALYZE webhook.task",
        "DELETE FROM webhook.task; ANALYZE webhook.task",
        "VACUUM webhook.task",
    ] {
        for mode in ["auto", "force_generic_plan"] {
            for statement in learn.split("; ") {
                scene.run(statement).await;
            }
            for instance in [&scene.one, &scene.two] {
                instance.db.batch(&format!("SET plan_cache_mode = {mode}")).await.expect("it is a setting");
            }
            let start = scene.server.log().len();
            scene.live().await;
            let read = scene.read_since(start);
            for (name, _, reads) in STATEMENTS {
                let Some((buffers, plan)) = read.get(name) else {
                    too_much.push(format!("{name} was not run"));
                    continue;
                };
                table.entry(name).or_default().push(*buffers);
                if let UpTo(most) = reads
                    && buffers > most
                {
                    too_much
                        .push(format!("{name} reads {buffers} buffers after {learn:?}, {mode}: {plan:#}"));
                }
            }
        }
    }
    for (name, buffers) in table {
        println!("{name}: {buffers:?}");
    }
    assert!(too_much.is_empty(), "{}", too_much.join("\n"));
}
