//! Every pair of operations, while the first has written and is not yet committed.
//!
//! A commit that waits for a standby has written its record and holds its locks, but nobody sees it. So a server whose
//! standby is missing stops the first operation just there; the second one meets its locks, or does not see its rows. When
//! the standby is no longer wanted, both go on.

use std::sync::Arc;
use std::time::Duration;

use test_postgres::Postgres as Server;
use tokio::task::JoinHandle;

use super::operators::NEVER;
use crate::store::clock::{ManualClock, StoreClock};
use crate::store::conformance::{arrival, at_once, capacity, free, serial};
use crate::store::postgres::Postgres;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::open::OTHER_CONNECTIONS;
use crate::store::postgres::opener::Opener;
use crate::store::postgres::recover::Program;
use crate::store::postgres::session::Timing;
use crate::store::{
    Disposition, Heartbeat, NewTask, ParkReason, RecordResult, Retention, Store, StoreError, Ticket,
};

pub(super) const LEASE: Duration = Duration::from_secs(60);

const HANDLERS: [&str; 2] = ["a", "b"];

/// Two events that report one occurrence.
const TWINS: [&str; 2] = ["evt_twin_1", "evt_twin_2"];

const OPERATIONS: [Operation; 13] = {
    use Operation::*;
    [Record, Twin, Duplicate, Claim, Done, Again, Renew, TakeOver, Retry, Skip, Replay, Prune, Leave]
};

#[derive(Clone, Copy, Debug)]
enum Operation {
    /// An event arrives whose task is in a lane that is taken.
    Record,
    /// An event arrives whose twin may arrive as well.
    Twin,
    /// The event comes again whose task is running.
    Duplicate,
    Claim,
    /// The run ends.
    Done,
    /// The run ends, and the task is to run again at once.
    Again,
    /// An instance whose lease has ended renews it.
    Renew,
    /// Another instance takes over from it.
    TakeOver,
    /// An operator retries the parked task.
    Retry,
    Skip,
    Replay,
    Prune,
    /// The instance that runs a task leaves.
    Leave,
}

impl Operation {
    /// Whether two operations are of one instance, which makes them one after the other.
    fn waits_for(self, other: Self) -> bool {
        use Operation::*;
        matches!((self, other), (Done | Again, Done | Again) | (Renew, Renew) | (Leave, Leave))
    }
}

/// An inbox with something of everything.
struct Scene {
    db: Connection,
    clock: ManualClock,
    /// Three instances that are alive, and one whose lease has ended.
    instances: [Arc<Postgres>; 4],
    /// A run of the first instance, in a lane in which another task waits.
    run: Ticket,
    /// A task that is parked, and its event.
    parked: (i64, i64),
}

pub(super) fn opener(server: &Server, clock: &ManualClock) -> Arc<Opener> {
    let clock = Some(StoreClock::manual(clock));
    Arc::new(Opener::new(&server.url(), "webhook", true, clock).expect("the URL is right"))
}

/// An instance that has not joined. If it `settles`, it takes over from others with its second heartbeat, otherwise at once.
pub(super) fn instance(server: &Server, clock: &ManualClock, settles: bool) -> Arc<Postgres> {
    let program = Program { name: "test".to_owned(), version: "1".to_owned(), slots: 1 };
    let timing = Timing { settles, poll: None, look_share: 0, ..Timing::with_lease(LEASE) };
    let connections = OTHER_CONNECTIONS + 1;
    Arc::new(Postgres::new(opener(server, clock), program, timing, StoreClock::manual(clock), connections))
}

/// Passes what an operation answers, unless it collided with another, which its caller would try again.
fn unless_busy<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer.map_or_else(
        |error| {
            assert!(matches!(error, StoreError::Busy), "{error:?}");
            None
        },
        Some,
    )
}

async fn started(store: &Postgres, id: &str, tasks: &[NewTask]) -> Option<Ticket> {
    match store.record(arrival(id, tasks)).await.expect("it is stored") {
        RecordResult::New { started, .. } => started.first().map(|claim| claim.ticket),
        known @ RecordResult::Duplicate { .. } => panic!("{known:?}"),
    }
}

impl Scene {
    /// The first call in a server also makes the tables.
    async fn new(server: &Server) -> Self {
        let clock = ManualClock::new(1_800_000_000_000);
        let db = opener(server, &clock).connect().await.expect("the server runs");
        for table in [
            "task",
            "ended",
            "event",
            "event_endpoint",
            "occurrence",
            "attempt",
            "instance",
            "chore",
            "missing_handler",
        ] {
            db.execute(&format!("DELETE FROM webhook.{table}"), &[]).await.expect("it can be written");
        }
        let [one, two, three, dead] = [(); 4].map(|()| instance(server, &clock, true));
        dead.recover(HANDLERS.into()).await.expect("it joins");
        started(&dead, "evt_dead", &[at_once(free("b"))]).await.expect("it starts");
        clock.advance(LEASE);
        for instance in [&one, &two, &three] {
            instance.recover(HANDLERS.into()).await.expect("it joins");
            // With the next one, it takes over.
            assert!(matches!(instance.heartbeat().await, Ok(Heartbeat::Renewed(_))));
        }
        let run = started(&one, "evt_run", &[at_once(serial("a"))]).await.expect("it starts");
        started(&one, "evt_waits", &[serial("a")]).await;
        let failed = started(&one, "evt_failed", &[at_once(free("b"))]).await.expect("it starts");
        let park = Disposition::Parked { why: ParkReason::Exhausted, error: "failed".to_owned() };
        assert!(one.finish(failed, park).await.expect("it is stored").was_ours);
        let event =
            one.events_with_id("evt_failed".to_owned()).await.expect("it can be read")[0].event.cursor;
        Self { db, clock, instances: [one, two, three, dead], run, parked: (failed.task, event) }
    }

    /// Starts an operation: of the instance that runs a task, of the dead one, or of another one.
    fn start(&self, operation: Operation, is_first: bool) -> JoinHandle<()> {
        const NOTHING: Retention =
            Retention { bodies: Duration::ZERO, ids: Duration::ZERO, parked: Duration::ZERO };
        let [one, two, three, dead] = self.instances.clone();
        let (run, (task, event)) = (self.run, self.parked);
        let any = if is_first { two } else { three };
        tokio::spawn(async move {
            match operation {
                Operation::Record => {
                    let id = if is_first { "evt_1" } else { "evt_2" };
                    let arrival = arrival(id, &[at_once(serial("a")), at_once(free("b"))]);
                    unless_busy(any.record(arrival).await).map(drop)
                }
                Operation::Twin => {
                    let id = if is_first { TWINS[0] } else { TWINS[1] };
                    let both = |task| NewTask { occurrence: Some(TWINS[0].to_owned()), ..at_once(task) };
                    unless_busy(any.record(arrival(id, &[both(serial("a")), both(free("b"))])).await)
                        .map(drop)
                }
                Operation::Duplicate => {
                    let known = any.record(arrival("evt_run", &[at_once(serial("a"))])).await;
                    unless_busy(known).map(|known| assert!(matches!(known, RecordResult::Duplicate { .. })))
                }
                Operation::Claim => {
                    let claimed = any.claim(capacity(4, &[("a", 2), ("b", 2)])).await;
                    unless_busy(claimed).map(drop)
                }
                Operation::Done => unless_busy(one.finish(run, Disposition::Done).await).map(drop),
                Operation::Again => {
                    let again = Disposition::Retry { after: Duration::ZERO, error: "failed".to_owned() };
                    unless_busy(one.finish(run, again).await).map(drop)
                }
                Operation::Renew => unless_busy(dead.heartbeat().await).map(drop),
                Operation::TakeOver => unless_busy(any.heartbeat().await)
                    .map(|beat| assert!(matches!(beat, Heartbeat::Renewed(_)))),
                Operation::Retry => unless_busy(any.retry(task, HANDLERS.into()).await).map(drop),
                Operation::Skip => unless_busy(any.skip(task, "not wanted".to_owned()).await).map(drop),
                Operation::Replay => {
                    unless_busy(any.replay(event, vec![serial("a"), free("b")]).await).map(drop)
                }
                Operation::Prune => unless_busy(any.prune(NOTHING, 0).await).map(drop),
                Operation::Leave => unless_busy(one.leave().await),
            };
        })
    }

    /// Lets everything end.
    async fn drain(&self, server: &Server) {
        // What the others still run is taken over.
        self.clock.advance(LEASE);
        let last = instance(server, &self.clock, false);
        last.recover(HANDLERS.into()).await.expect("it joins");
        for _ in 0..20 {
            self.clock.advance(Duration::from_secs(1));
            let claimed = last.claim(capacity(4, &[("a", 2), ("b", 2)])).await.expect("nothing collides");
            for claim in claimed.claims {
                let ended = last.finish(claim.ticket, Disposition::Done).await.expect("nothing collides");
                assert!(ended.was_ours, "{:?}", claim.ticket);
            }
        }
        let rows = "SELECT format('%s', t) FROM webhook.task t";
        let open = self.db.query(rows, &[]).await.expect("it can be read");
        let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
        assert!(open.is_empty(), "{open:#?}");
    }

    async fn check(&self) {
        let second = "(SELECT 1 FROM (SELECT event_seq, handler FROM webhook.task
                                      UNION ALL SELECT event_seq, handler FROM webhook.ended) t
                       JOIN webhook.event e ON e.seq = t.event_seq WHERE e.event_id IN ('evt_twin_1', 'evt_twin_2')
                       GROUP BY handler HAVING count(*) > 1) twice";
        for (what, rows) in NEVER.into_iter().chain([("a handler's task of both twins", second)]) {
            let found =
                self.db.query(&format!("SELECT count(*) FROM {rows}"), &[]).await.expect("it can be read");
            assert_eq!(found[0].get::<_, i64>(0), 0, "{what}");
        }
    }
}

/// A server that lets commits wait.
struct Gate {
    db: Connection,
    opener: Arc<Opener>,
}

impl Gate {
    async fn new(server: &Server) -> Self {
        let opener = opener(server, &ManualClock::new(0));
        let db = opener.connect().await.expect("the server runs");
        let probe = "CREATE TABLE probe (n int); INSERT INTO probe VALUES (0)";
        db.batch(probe).await.expect("there is none");
        Self { db, opener }
    }

    async fn set(&self, standbys: &str) {
        for sql in [
            &*format!("ALTER SYSTEM SET synchronous_standby_names = '{standbys}'"),
            "SELECT pg_reload_conf()",
        ] {
            self.db.execute(sql, &[]).await.expect("the user may");
        }
    }

    /// Lets commits wait from now on. The first that does is returned.
    async fn close(&self) -> JoinHandle<()> {
        self.set("*").await;
        loop {
            let db = self.opener.connect().await.expect("the server runs");
            let probe = tokio::spawn(async move {
                let commit = db.execute("UPDATE probe SET n = n + 1", &[]).await;
                assert_eq!(commit.expect("there is a row"), 1);
            });
            self.wait(1, &probe).await;
            if !probe.is_finished() {
                return probe;
            }
        }
    }

    async fn open(&self) {
        self.set("").await;
    }

    /// Waits until an operation has ended, or this many statements wait for a standby or for a lock.
    async fn wait(&self, statements: i64, operation: &JoinHandle<()>) {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' OR wait_event_type = 'Lock'";
        while !operation.is_finished()
            && self.db.query(waiting, &[]).await.expect("it can be read")[0].get::<_, i64>(0) < statements
        {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_operations_leaves_the_inbox_in_order() {
    let server = Server::start();
    let gate = Gate::new(&server).await;
    let mut met = 0;
    for first in OPERATIONS {
        for second in OPERATIONS.into_iter().filter(|second| !second.waits_for(first)) {
            println!("{first:?}, then {second:?}");
            let scene = Scene::new(&server).await;
            let probe = gate.close().await;
            let first = scene.start(first, true);
            gate.wait(2, &first).await;
            let at_work = i64::from(!first.is_finished());
            let second = scene.start(second, false);
            gate.wait(2 + at_work, &second).await;
            met += u32::from(!first.is_finished() && !second.is_finished());
            gate.open().await;
            for operation in [first, second, probe] {
                operation.await.expect("it does not fail");
            }
            scene.check().await;
            scene.drain(&server).await;
            scene.check().await;
        }
    }
    println!("{met} pairs met");
    assert!(met > 50, "only {met} pairs met");
}
