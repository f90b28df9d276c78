//! Choosing what runs next.
//!
//! A claim takes at most one suspect, then the tasks that have been due longest, of handlers that have capacity. A task
//! whose lane is taken, or in whose lane another comes first, becomes *blocked* and is not looked at again until its lane
//! is free. Each round is one statement; rounds follow while there is capacity and a task was blocked.

use std::collections::HashMap;
use std::time::Duration;

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::{Statement, despite_collisions, transaction};
use super::lanes::{LaneKey, promote_if_free};
use super::low_water::LowWater;
use super::problem::Problem;
use super::round::ROUND;
use super::session::{Session, Timing};
use crate::store::backlog::millis;
use crate::store::{ACCUSED, Capacity, Claim, ClaimResult, HandlerId, Ticket};

/// How many tasks whose lane is taken one claim may pass over.
const PASSED_OVER: usize = 1_000;

/// The crashes of the suspect that this instance (`$1`) is running, which [`START_SUSPECT`] may just have started.
const RUNNING_SUSPECT: &str = "SELECT crashes FROM webhook.task
    WHERE suspect = 1 AND state = 1 AND owner IS NOT DISTINCT FROM $1 ORDER BY crashes DESC LIMIT 1";

/// Whether this instance (`$1`) may start anything: it has joined, and its lease has not ended.
macro_rules! may_work {
    () => {
        "EXISTS (SELECT 1 FROM webhook.instance i WHERE i.id = $1 AND i.lease_until_ms > now_ms)"
    };
}
pub(super) use may_work;

/// Whether a newer event of the object of the task `t` is already done in its scope.
macro_rules! is_stale {
    () => {
        "(t.moment <> 0 AND EXISTS (SELECT 1 FROM webhook.ended d
                                    WHERE d.scope = t.scope AND d.object = t.object AND d.state = 3
                                      AND d.object IS NOT NULL AND d.moment > t.moment))"
    };
}
pub(super) use is_stale;

/// Unless this instance (`$1`) runs a suspect, starts the one with most crashes, the oldest of these, of the handlers `$2`. It
/// does not wait for its turn in its lane, since it has started before.
const START_SUSPECT: &str = concat!(
    "WITH next AS MATERIALIZED (
         SELECT s.id FROM webhook.task s
         WHERE s.suspect = 1 AND s.state IN (0, 2) AND s.handler = ANY ($2)
           AND (SELECT 1 FROM webhook.task r
                WHERE r.suspect = 1 AND r.state = 1 AND r.owner IS NOT DISTINCT FROM $1 LIMIT 1) IS NULL
           AND (s.lane IS NULL OR (SELECT 1 FROM webhook.task r
                                   WHERE r.scope = s.scope AND r.lane = s.lane AND r.state = 1 LIMIT 1) IS NULL)
         ORDER BY s.crashes DESC, s.id LIMIT 1 FOR UPDATE SKIP LOCKED)
     UPDATE webhook.task t
     SET state = 1, owner = $1, fence = fence + 1, attempt = attempt + 1, started_ms = now_ms
     FROM next WHERE t.id = ANY (ARRAY[next.id]) AND t.state IN (0, 2) AND ",
    may_work!(),
    " RETURNING t.id, t.fence, t.handler, t.attempt, t.replay, t.event_seq, t.crashes, ",
    is_stale!(),
    ", now_ms - t.due_ms"
);

/// The bodies of events (`$1`), and the endpoints through which they came first. It needs no lock.
const BODIES: &str = "SELECT seq, endpoint, body FROM webhook.event WHERE seq = ANY ($1)";

/// How long until the next task is due, in milliseconds.
const NEXT_DUE: &str =
    "SELECT min(due_ms) - now_ms FROM webhook.task WHERE state + 0 = 0 AND due_ms > now_ms";

/// Starts due tasks up to the capacity, those that have been due longest first.
pub(super) async fn claim(
    db: &Connection,
    session: &Session,
    capacity: &Capacity,
    timing: &Timing,
    low_water: &LowWater,
) -> Result<ClaimResult, Problem> {
    low_water.keep_up(db, &capacity.handlers).await?;
    let instance = session.id();
    let mut work = Work::new(instance, capacity);
    let runs_alone = work.start_suspect(db).await?;
    let mut blocked = Vec::new();
    while !runs_alone && work.has_capacity() && blocked.len() < PASSED_OVER {
        match work.round(db, low_water, &mut blocked).await {
            Ok(Round::MoreMayFollow) => {}
            Ok(Round::Last) => break,
            // What has started is to run, whatever the next round meets.
            Err(Problem::Collided(_) | Problem::Taken(_)) if !work.started.is_empty() => break,
            Err(problem) => return Err(problem),
        }
    }
    let has_promoted = promote_if_free(db, &blocked).await?;
    let events: Vec<i64> = work.started.iter().map(|started| started.event_seq).collect();
    let rows = transaction(db, &[Statement::new(NEXT_DUE, &[]), Statement::new(BODIES, &[&events])]).await?;
    let [next, bodies] = &*rows else { return Ok(ClaimResult::default()) };
    let next: Option<i64> = next.first().and_then(|row| row.get(0));
    let next = next.map(|millis| Duration::from_millis(millis.max(0).unsigned_abs()));
    let next_claim = match timing.poll {
        _ if has_promoted || blocked.len() >= PASSED_OVER => Some(Duration::ZERO),
        Some(poll) => Some(next.map_or(poll, |next| next.min(poll))),
        None => next,
    };
    let mut claims = with_bodies(work.started, bodies);
    // The database forgot the claim in a failover: it is the same run.
    claims.retain(|claim| !session.live().contains(&claim.ticket));
    session.started(instance, &mut claims);
    Ok(ClaimResult { claims, next_claim })
}

/// What one round has left.
#[derive(PartialEq, Eq)]
enum Round {
    Last,
    MoreMayFollow,
}

/// A claim under way.
struct Work {
    instance: i64,
    slots: usize,
    handlers: HashMap<HandlerId, usize>,
    /// The tasks that have started, in this order.
    started: Vec<Started>,
}

/// A task that has started, without its event.
struct Started {
    ticket: Ticket,
    handler: HandlerId,
    attempt: u32,
    is_replay: bool,
    is_stale: bool,
    overdue: Duration,
    event_seq: i64,
}

impl Work {
    fn new(instance: i64, capacity: &Capacity) -> Self {
        let handlers = capacity.handlers.iter().filter(|(_, tasks)| **tasks > 0);
        let handlers = handlers.map(|(handler, tasks)| (*handler, *tasks)).collect();
        Self { instance, slots: capacity.slots, handlers, started: Vec::new() }
    }

    fn has_capacity(&self) -> bool {
        self.slots > 0 && !self.handlers.is_empty()
    }

    /// Starts a suspect, unless this instance runs one. Returns whether the one that runs now is accused.
    async fn start_suspect(&mut self, db: &Connection) -> Result<bool, Problem> {
        let mut handlers: Vec<&str> = self.handlers.keys().copied().collect();
        if self.slots == 0 {
            handlers.clear();
        }
        let statements = [
            Statement::new(START_SUSPECT, &[&self.instance, &handlers]),
            Statement::new(RUNNING_SUSPECT, &[&self.instance]),
        ];
        let rows = despite_collisions(db, &statements).await?;
        let [started, running] = &*rows else { return Ok(false) };
        if let Some(row) = started.first() {
            self.start(row);
        }
        let crashes = running.first().map(|row| row.get::<_, i32>(0).cast_unsigned());
        Ok(crashes.is_some_and(|crashes| crashes >= ACCUSED))
    }

    /// Starts, blocks and makes ready one round of tasks. Adds the lanes of those that it blocked, and whether they are strict.
    async fn round(
        &mut self,
        db: &Connection,
        low_water: &LowWater,
        blocked: &mut Vec<(LaneKey, bool)>,
    ) -> Result<Round, Problem> {
        let (handlers, each): (Vec<HandlerId>, Vec<i64>) =
            self.handlers.iter().map(|(handler, tasks)| (*handler, (*tasks).min(self.slots) as i64)).unzip();
        let marks: Vec<i64> = handlers.iter().map(|handler| low_water.of(handler)).collect();
        let slots = self.slots as i64;
        let may_run_out = each.iter().any(|tasks| *tasks < slots);
        let round = Statement::new(ROUND, &[&self.instance, &handlers, &each, &slots, &may_run_out, &marks]);
        let mut rows = despite_collisions(db, &[round]).await?.pop().unwrap_or_default();
        rows.sort_by_key(|row| (row.get::<_, i64>(10), row.get::<_, i64>(0)));
        let mut has_started_all = true;
        for row in &rows {
            let act: i32 = row.get(9);
            has_started_all &= act == 1;
            match act {
                1 => self.start(row),
                2 => {
                    let key = LaneKey { scope: row.get(11), lane: row.get(12) };
                    blocked.push((key, row.get(13)));
                }
                _ => {}
            }
        }
        // Tasks of a group may have been looked at one by one.
        let is_last = rows.is_empty() || has_started_all && !may_run_out;
        Ok(if is_last { Round::Last } else { Round::MoreMayFollow })
    }

    /// Notes a task that has started, and the capacity that it takes.
    fn start(&mut self, row: &Row) {
        let handler: &str = row.get(2);
        let Some((&handler, tasks)) = self.handlers.iter_mut().find(|(known, _)| **known == handler) else {
            return;
        };
        *tasks -= 1;
        if *tasks == 0 {
            self.handlers.remove(handler);
        }
        self.slots -= 1;
        self.started.push(Started {
            ticket: Ticket { task: row.get(0), fence: row.get(1) },
            handler,
            attempt: u32::try_from(row.get::<_, i32>(3)).unwrap_or_default(),
            is_replay: row.get(4),
            is_stale: row.get(7),
            overdue: millis(row.get(8)),
            event_seq: row.get(5),
        });
    }
}

/// Adds the events (rows of [`BODIES`]) to tasks that have started.
fn with_bodies(started: Vec<Started>, bodies: &[Row]) -> Vec<Claim> {
    let bodies: HashMap<i64, &Row> = bodies.iter().map(|row| (row.get(0), row)).collect();
    let claim = |started: Started| {
        let row = bodies.get(&started.event_seq);
        let endpoint: &str = row.map_or("", |row| row.get(1));
        let body: Option<&[u8]> = row.and_then(|row| row.get(2));
        Claim {
            ticket: started.ticket,
            handler: started.handler,
            endpoint: endpoint.into(),
            attempt: started.attempt,
            is_replay: started.is_replay,
            is_stale: started.is_stale,
            overdue: started.overdue,
            body: body.unwrap_or_default().to_vec().into(),
        }
    };
    started.into_iter().map(claim).collect()
}
