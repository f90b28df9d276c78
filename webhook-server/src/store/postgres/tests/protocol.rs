//! What happens only when an answer is lost, or when two instances meet: the conformance suite cannot bring that about.

use std::sync::Arc;
use std::time::Duration;

use crate::store::clock::{ManualClock, StoreClock};
use crate::store::conformance::{arrival, at_once, capacity, free, serial};
use crate::store::noted_uses::NotedUses;
use crate::store::postgres::arrivals::{Arrival, Noted};
use crate::store::postgres::claim::claim;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::finish::finish;
use crate::store::postgres::heartbeat::{Looks, look_after};
use crate::store::postgres::low_water::LowWater;
use crate::store::postgres::opener::Opener;
use crate::store::postgres::problem::Problem;
use crate::store::postgres::record::record;
use crate::store::postgres::recover::{Program, Settled, join, renew};
use crate::store::postgres::session::{Session, Timing};
use crate::store::postgres::transactions::COMPLETE;
use crate::store::postgres::{cluster, record_again::record_again};
use crate::store::{Claim, Disposition, Heartbeat, NewTask, RecordResult, State, Ticket};

const MINUTE: Duration = Duration::from_secs(60);

/// An instance, and the connection on which it makes its calls.
pub(super) struct Instance {
    clock: ManualClock,
    pub(super) db: Connection,
    pub(super) session: Session,
    pub(super) timing: Timing,
    pub(super) noted: Noted,
}

impl Instance {
    /// The first instance of a new inbox.
    pub(super) async fn new() -> Self {
        let (schema, clock) = Self::place();
        Self::on(&schema, &clock).await
    }

    /// A new inbox's schema and its clock.
    pub(super) fn place() -> (String, ManualClock) {
        (cluster::new_schema(), ManualClock::new(1_800_000_000_000))
    }

    /// An instance of an inbox that has joined.
    pub(super) async fn on(schema: &str, clock: &ManualClock) -> Self {
        Self::by(&cluster::opener(schema, Some(StoreClock::manual(clock))), clock).await
    }

    /// An instance that has joined, with a connection of this opener.
    pub(super) async fn by(opener: &Arc<Opener>, clock: &ManualClock) -> Self {
        let instance = Self {
            db: opener.connect().await.expect("the server runs"),
            clock: clock.clone(),
            session: Session::default(),
            timing: Timing { settles: true, look_share: 0, ..Timing::with_lease(MINUTE) },
            noted: Noted { uses: NotedUses::default(), clock: StoreClock::manual(clock) },
        };
        let program = Program { name: "test".to_owned(), version: "1".to_owned(), slots: 1 };
        join(&instance.db, &instance.session, &program, &["a", "b"], &instance.timing)
            .await
            .expect("it joins");
        instance
    }

    pub(super) async fn record(
        &self,
        batch: i64,
        id: &str,
        tasks: &[NewTask],
        again: bool,
    ) -> Option<Vec<Claim>> {
        let arrival = Arrival { event: arrival(id, tasks), digest: vec![1] };
        let recorded = record(&self.db, &self.session, batch, &[&arrival], &self.noted, again).await;
        match recorded.expect("it is stored").pop().flatten()? {
            RecordResult::New { mut started, .. } => {
                self.session.started(self.session.id(), &mut started);
                Some(started)
            }
            known @ RecordResult::Duplicate { .. } => panic!("{known:?}"),
        }
    }

    /// Stores new events, and returns what has started.
    pub(super) async fn record_all(&self, batch: i64, arrivals: &[Arrival], again: bool) -> Vec<Claim> {
        let arrivals: Vec<&Arrival> = arrivals.iter().collect();
        let recorded = record(&self.db, &self.session, batch, &arrivals, &self.noted, again).await;
        let started = recorded.expect("they are stored").into_iter().map(|one| match one {
            Some(RecordResult::New { started, .. }) => started,
            known => panic!("{known:?}"),
        });
        let mut started = started.flatten().collect();
        self.session.started(self.session.id(), &mut started);
        started
    }

    pub(super) async fn claim(&self) -> Vec<Claim> {
        self.claim_from(&LowWater::default()).await
    }

    pub(super) async fn claim_from(&self, low_water: &LowWater) -> Vec<Claim> {
        let capacity = capacity(10, &[("a", 10), ("b", 10)]);
        claim(&self.db, &self.session, &capacity, &self.timing, low_water).await.expect("it claims").claims
    }

    /// How many entries of the open tasks' indexes were read so far.
    async fn entries_read(&self) -> i64 {
        let flush = self.db.query("SELECT pg_stat_force_next_flush()::text", &[]).await;
        flush.expect("PostgreSQL 15 or newer");
        let sql =
            "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelid = 'webhook.task_due'::regclass";
        self.db.query(sql, &[]).await.expect("it can be read").first().expect("it is an index").get(0)
    }

    /// Ends a run as a handler's transaction does. Returns how many there were.
    pub(super) async fn complete(&self, Ticket { task, fence }: Ticket) -> u64 {
        let mark = format!("SELECT set_config('webhook_run.ticket', '{task}:{fence}', false)");
        self.db.batch(&mark).await.expect("it is a setting");
        let ended = self.db.execute(COMPLETE, &[&task, &fence, &self.session.id()]).await;
        ended.expect("it is stored")
    }

    async fn done(&self, ticket: Ticket, again: bool) -> bool {
        self.ended(ticket, &Disposition::Done, again).await
    }

    pub(super) async fn ended(&self, ticket: Ticket, end: &Disposition, again: bool) -> bool {
        let ended = finish(&self.db, &self.session, &[(ticket, end)], again, &LowWater::default()).await;
        ended.expect("it is stored").pop().is_some_and(|result| result.was_ours)
    }

    /// The transaction that wrote the first event last.
    async fn version(&self) -> String {
        let rows = self.db.query("SELECT xmin::text FROM webhook.event ORDER BY seq LIMIT 1", &[]).await;
        rows.expect("it can be read").first().expect("there is an event").get(0)
    }

    async fn states(&self) -> Vec<State> {
        let rows = self.db.query("SELECT state FROM webhook.task ORDER BY id", &[]).await;
        rows.expect("it can be read").iter().map(|row| row.get(0)).collect()
    }
}

/// Renews the lease, and looks after the others.
async fn heartbeat(instance: &Instance, settled: &Settled, looks: &Looks) -> Result<Heartbeat, Problem> {
    let Instance { db, session, timing, .. } = instance;
    let Some(has_settled) = renew(db, session, timing, settled).await? else { return Ok(Heartbeat::Lost) };
    look_after(db, session, timing, has_settled, looks, &LowWater::default()).await.map(Heartbeat::Renewed)
}

fn tickets(claims: &[Claim]) -> Vec<Ticket> {
    claims.iter().map(|claim| claim.ticket).collect()
}

#[tokio::test]
async fn a_record_that_is_made_again_finds_what_it_stored() {
    let instance = Instance::new().await;
    let tasks = [at_once(free("a")), at_once(serial("b"))];
    let first = instance.record(7, "evt_1", &tasks, false).await.expect("it is new");
    assert_eq!(first.len(), 2);
    let written = instance.version().await;
    let again = instance.record(7, "evt_1", &tasks, true).await.expect("it is this transaction's own");
    assert_ne!(instance.version().await, written, "only a commit that writes waits for a standby");
    assert_eq!(tickets(&again), tickets(&first), "each is told once");
    // Another transaction's event is known, also to one that is made again.
    assert!(instance.record(8, "evt_1", &tasks, true).await.is_none());
    // What was not stored at the first time is stored at the second, and told once.
    let late = instance.record(9, "evt_2", &[at_once(free("a"))], true).await.expect("it is new");
    assert_eq!(late.len(), 1);
}

#[tokio::test]
async fn a_known_event_that_was_deleted_is_told_apart() {
    let instance = Instance::new().await;
    let gone = Arrival { event: arrival("evt_1", &[free("a")]), digest: vec![1] };
    let counted = record_again(&instance.db, &instance.session, &[&gone], &instance.noted).await;
    assert!(matches!(counted.expect("it is asked")[..], [None]));
}

#[tokio::test]
async fn an_end_that_is_stored_again_was_ours() {
    let instance = Instance::new().await;
    let started = instance.record(1, "evt_1", &[at_once(free("a")), at_once(free("b"))], false).await;
    let [a, b] = tickets(&started.expect("it is new"))[..] else { panic!("both have started") };
    assert!(instance.done(a, false).await);
    assert!(!instance.done(a, false).await, "the ticket is used");
    assert!(instance.done(a, true).await, "the answer to the first call was lost");
    let former = Ticket { fence: b.fence - 1, ..b };
    assert!(!instance.done(former, true).await, "it was another run");
    assert!(instance.done(b, true).await);
}

/// A claim whose answer was lost is found by its own instance, which does not know the run.
#[tokio::test]
async fn a_run_that_its_instance_does_not_know_is_released() {
    let instance = Instance::new().await;
    instance.record(1, "evt_1", &[free("a")], false).await;
    assert_eq!(instance.claim().await.len(), 1);
    instance.session.live().clear();
    let (settled, looks) = (Settled::default(), Looks::default());
    let beat = || heartbeat(&instance, &settled, &looks);
    let call = instance.session.starting();
    for _ in 0..3 {
        beat().await.expect("it is alive");
        assert_eq!(instance.states().await, [State::Running], "its answer may still be under way");
    }
    drop(call);
    // Calls that began later have not started it.
    let _other = instance.session.starting();
    beat().await.expect("it is alive");
    assert_eq!(instance.states().await, [State::Ready]);
    let again = instance.claim().await;
    assert_eq!((again[0].attempt, again[0].ticket.fence), (1, 2), "that attempt does not count");
}

/// An instance that ended after it had blocked a task, and before it looked again, leaves it blocked in a free lane.
#[tokio::test]
async fn a_task_that_was_forgotten_in_a_free_lane_is_swept() {
    let instance = Instance::new().await;
    instance.record(1, "evt_1", &[serial("a")], false).await;
    let block = async || {
        let blocked = instance.db.execute("UPDATE webhook.task SET state = 2 WHERE state = 0", &[]).await;
        blocked.expect("it can be written")
    };
    let looks = Looks::default();
    let swept = async || looks.sweep.go_on(&instance.db, MINUTE, 0).await.expect("it can be written");
    block().await;
    assert_eq!(swept().await, 0, "it may have been blocked just now");
    assert_eq!(instance.states().await, [State::Blocked]);
    assert_eq!(swept().await, 1);
    assert_eq!(instance.states().await, [State::Ready]);
    block().await;
    assert_eq!((swept().await, swept().await), (0, 0), "it is not time yet");
    instance.clock.advance(MINUTE);
    assert_eq!(swept().await, 0);
    instance.db.execute("UPDATE webhook.task SET state = 0", &[]).await.expect("it can be written");
    assert_eq!(swept().await, 0, "it was not forgotten");
    block().await;
    // The heartbeat does it, too.
    let settled = Settled::default();
    let beat = || heartbeat(&instance, &settled, &looks);
    instance.clock.advance(MINUTE / 2);
    beat().await.expect("it is alive");
    instance.clock.advance(MINUTE / 2);
    for _ in 0..2 {
        beat().await.expect("it is alive");
    }
    assert_eq!(instance.states().await, [State::Ready]);
    // In a lane that is not free, a blocked task waits for its turn.
    instance.record(2, "evt_2", &[serial("a")], false).await;
    assert_eq!(instance.claim().await.len(), 1);
    assert_eq!(instance.states().await, [State::Running, State::Blocked]);
    instance.clock.advance(MINUTE);
    assert_eq!((swept().await, swept().await), (0, 0));
}

/// A claim blocks a task, and the run for which that one waits ends before the claim is committed. The instance of that run saw
/// nothing to promote, so the claim's own instance must look again at once, and not with its next poll.
#[tokio::test]
async fn a_task_that_a_claim_blocked_too_late_is_claimed_at_once() {
    let (schema, clock) = (cluster::new_schema(), ManualClock::new(1_800_000_000_000));
    let (one, other) = (Instance::on(&schema, &clock).await, Instance::on(&schema, &clock).await);
    let run = one.record(1, "evt_1", &[at_once(serial("a"))], false).await.expect("it is new");
    other.record(2, "evt_2", &[at_once(serial("a"))], false).await.expect("it is new");
    // Blocking waits until this lock is released.
    let gate = one.session.id();
    let function = format!(
        "CREATE FUNCTION webhook.wait() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_advisory_xact_lock_shared({gate}); RETURN NEW; END';
         CREATE TRIGGER wait BEFORE UPDATE ON webhook.task FOR EACH ROW WHEN (NEW.state = 2)
         EXECUTE FUNCTION webhook.wait();
         SELECT pg_advisory_lock({gate})"
    );
    one.db.batch(&function).await.expect("nobody else has it");
    let capacity = capacity(10, &[("a", 10)]);
    let low_water = LowWater::default();
    let claiming = claim(&other.db, &other.session, &capacity, &other.timing, &low_water);
    let ending = async {
        let waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                     AND (classid::bigint << 32) + objid::bigint = $1";
        while one.db.query(waits, &[&gate]).await.expect("it can be read").is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(one.done(run[0].ticket, false).await);
        one.db.batch(&format!("SELECT pg_advisory_unlock({gate})")).await.expect("it is ours");
    };
    let (claimed, ()) = tokio::join!(claiming, ending);
    let claimed = claimed.expect("it claims");
    assert_eq!((claimed.claims.len(), claimed.next_claim), (0, Some(Duration::ZERO)));
    assert_eq!(other.states().await, [State::Ready]);
    assert_eq!(other.claim().await.len(), 1);
}

/// When the database was away, all leases have ended. The first instance that is back must not take the others for dead.
#[tokio::test]
async fn an_outage_of_the_database_buries_no_instance() {
    let (schema, clock) = (cluster::new_schema(), ManualClock::new(1_800_000_000_000));
    let (one, other) = (Instance::on(&schema, &clock).await, Instance::on(&schema, &clock).await);
    one.record(1, "evt_1", &[at_once(free("a"))], false).await;
    clock.advance(2 * MINUTE);
    let (settled, looks) = (Settled::default(), Looks::default());
    let beat = || heartbeat(&other, &settled, &looks);
    assert!(matches!(beat().await, Ok(Heartbeat::Renewed(_))));
    clock.advance(MINUTE / 4);
    assert!(matches!(beat().await, Ok(Heartbeat::Renewed(_))));
    assert_eq!(one.states().await, [State::Running], "the other one may come back");
    let back = heartbeat(&one, &Settled::default(), &Looks::default()).await;
    assert!(matches!(back, Ok(Heartbeat::Renewed(_))), "{back:?}");
    // One that stays away is dead at last.
    for _ in 0..5 {
        clock.advance(MINUTE / 4);
        assert!(matches!(beat().await, Ok(Heartbeat::Renewed(_))));
    }
    assert_eq!(one.states().await, [State::Ready]);
    let back = heartbeat(&one, &Settled::default(), &Looks::default()).await;
    assert!(matches!(back, Ok(Heartbeat::Lost)), "{back:?}");
}

/// While an old transaction is open, nothing is removed that it might still read.
#[tokio::test]
async fn a_claim_passes_over_little_while_an_old_transaction_is_open() {
    let (schema, clock) = (cluster::new_schema(), ManualClock::new(1_800_000_000_000));
    let (instance, old) = (Instance::on(&schema, &clock).await, Instance::on(&schema, &clock).await);
    old.db.batch("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM webhook.meta").await.expect("it begins");
    let gone = "INSERT INTO webhook.task (event_seq, handler, scope, moment, strict, state, due_ms)
                SELECT number, 'a', 'a', 0, false, 0, now_ms FROM generate_series(1, 5000) AS number";
    instance.db.execute(gone, &[]).await.expect("it can be written");
    instance.db.execute("DELETE FROM webhook.task", &[]).await.expect("it can be written");
    clock.advance(MINUTE);
    let low_water = LowWater::default();
    let mut read = Vec::new();
    for _ in 0..3 {
        let before = instance.entries_read().await;
        assert!(instance.claim_from(&low_water).await.is_empty());
        let ended = finish(&instance.db, &instance.session, &[], false, &low_water).await;
        assert!(ended.expect("it is stored").is_empty());
        read.push(instance.entries_read().await - before);
    }
    assert!(read[0] + read[1] >= 5_000, "at first, it looks from the beginning: {read:?}");
    assert!(read[2] < 100, "then it looks from the mark: {read:?}");
}

/// What took long to be committed is found when an instance looks back, as a heartbeat does now and then; what was due before a
/// failover, when the marks are forgotten.
#[tokio::test]
async fn a_task_that_is_due_before_the_mark_is_not_forgotten() {
    let instance = Instance::new().await;
    let low_water = LowWater::default();
    for _ in 0..2 {
        assert!(instance.claim_from(&low_water).await.is_empty());
    }
    instance.record(1, "evt_1", &[free("a")], false).await;
    let due = "UPDATE webhook.task SET due_ms = now_ms - ";
    instance.db.execute(&format!("{due} 3000"), &[]).await.expect("it can be written");
    assert!(instance.claim_from(&low_water).await.is_empty());
    low_water.look_back(&instance.db).await.expect("it can be read");
    assert_eq!(instance.claim_from(&low_water).await.len(), 1);
    instance.record(2, "evt_2", &[free("b")], false).await;
    instance.db.execute(&format!("{due} 1000 WHERE state = 0"), &[]).await.expect("it can be written");
    assert_eq!(instance.claim_from(&low_water).await.len(), 1, "a little before the mark is looked at");
    for way in 0..2 {
        low_water.hurry();
        assert!(instance.claim_from(&low_water).await.is_empty());
        instance.record(3 + way, &format!("evt_late_{way}"), &[free("a")], false).await;
        instance.db.execute(&format!("{due} 3000 WHERE state = 0"), &[]).await.expect("it can be written");
        assert!(instance.claim_from(&low_water).await.is_empty());
        if way == 0 {
            let Instance { db, session, timing, .. } = &instance;
            let looked = look_after(db, session, timing, true, &Looks::default(), &low_water).await;
            looked.expect("it can be written");
        } else {
            low_water.forget();
        }
        assert_eq!(instance.claim_from(&low_water).await.len(), 1);
    }
}

/// After a failover, the clock may be another one.
#[tokio::test]
async fn a_clock_that_goes_back_hides_no_task() {
    let (schema, clock) = (cluster::new_schema(), ManualClock::new(1_800_000_000_000));
    let earlier = Instance::on(&schema, &clock).await;
    let later = Instance::on(&schema, &ManualClock::new(clock.now() + 3_600_000)).await;
    let low_water = LowWater::default();
    for _ in 0..2 {
        assert!(later.claim_from(&low_water).await.is_empty());
    }
    earlier.record(1, "evt_1", &[free("a")], false).await;
    assert_eq!(earlier.claim_from(&low_water).await.len(), 1);
}

/// A process that is frozen between the end of its task and the commit of that holds the row. Nobody waits for it.
#[tokio::test]
async fn a_task_that_is_locked_is_taken_over_later() {
    let (schema, clock) = (cluster::new_schema(), ManualClock::new(1_800_000_000_000));
    let (dead, frozen) = (Instance::on(&schema, &clock).await, Instance::on(&schema, &clock).await);
    dead.record(1, "evt_1", &[at_once(free("a")), at_once(free("b"))], false).await;
    clock.advance(2 * MINUTE);
    let other = Instance::on(&schema, &clock).await;
    let lock = "BEGIN; SELECT FROM webhook.task WHERE handler = 'a' FOR UPDATE";
    frozen.db.batch(lock).await.expect("nobody else has it");
    let looks = Looks::default();
    let taken_over = async || {
        let Instance { db, session, timing, .. } = &other;
        look_after(db, session, timing, true, &looks, &LowWater::default())
            .await
            .expect("it does not wait")
            .suspects
    };
    assert_eq!(taken_over().await, 1);
    assert_eq!(other.states().await, [State::Running, State::Ready]);
    frozen.db.batch("ROLLBACK").await.expect("it was begun");
    assert_eq!(taken_over().await, 1);
    assert_eq!(other.states().await, [State::Ready, State::Ready]);
}

/// Its start was committed under the former id, which another instance has buried.
#[tokio::test]
async fn what_was_started_before_the_instance_joined_again_is_dropped() {
    let instance = Instance::new().await;
    let former = instance.session.id();
    let mut started = instance.record(1, "evt_1", &[at_once(free("a"))], false).await.expect("it is new");
    let mut other = instance.record(2, "evt_2", &[at_once(free("b"))], false).await.expect("it is new");
    instance.session.started(former, &mut other);
    assert_eq!((other.len(), instance.session.live().len()), (1, 2));
    instance.session.become_instance(former + 1);
    instance.session.started(former, &mut started);
    assert!(started.is_empty() && instance.session.live().is_empty(), "another instance takes it over");
}
