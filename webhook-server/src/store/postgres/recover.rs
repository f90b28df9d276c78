//! Joining the instances, showing that this one is alive, and taking over from those that are not.
//!
//! An instance has a lease. When it ends, another instance deletes the row of that instance, and then takes over what runs in
//! the name of an instance that has no row. So a claim that is committed after its instance was deleted is found the next
//! time. Only the database's clock decides.

use std::time::Duration;

use tokio_postgres::Row;
use webhook_core::Retry;

use super::connection::Connection;
use super::finish::{TRIM_ATTEMPTS, close};
use super::flush::{Statement, transaction};
use super::heartbeat::Looks;
use super::lanes::PROMOTE_AFTER;
use super::missing_handlers;
use super::problem::Problem;
use super::session::{Session, Timing, random};
use crate::store::clock::millis;
use crate::store::{ATTEMPTS_KEPT, Buried, HandlerId, MAX_CRASHES, POISON, Recovered, Ticket};

/// Adds this instance (`$1`): `$2` its name, `$3` its version, `$4` its slots, `$5` its handlers, `$6` how long the lease lasts.
const JOIN: &str = "
    INSERT INTO webhook.instance (id, name, version, slots, handlers, joined_ms, lease_until_ms)
    VALUES ($1, $2, $3, $4, $5, now_ms, now_ms + $6)";

/// Renews the lease of this instance (`$1`) for `$2`, and tells whether it had not ended yet.
const RENEW: &str = "
    WITH before AS MATERIALIZED (
        SELECT lease_until_ms > now_ms AS was_valid FROM webhook.instance WHERE id = $1 FOR UPDATE)
    UPDATE webhook.instance SET lease_until_ms = now_ms + $2 FROM before WHERE id = $1 RETURNING before.was_valid";

/// Deletes instances whose leases have ended, except this one (`$1`).
const BURY: &str = "
    DELETE FROM webhook.instance WHERE id IN (
        SELECT id FROM webhook.instance WHERE lease_until_ms <= now_ms AND id <> $1 ORDER BY id FOR UPDATE)";

/// Deletes the instances of this name (`$1`), except the one that joined last if there are several. Returns a row for each of
/// them, with whether it is deleted.
const BURY_NAMED: &str = "
    WITH named AS MATERIALIZED (
        SELECT id, joined_ms FROM webhook.instance WHERE name = $1 ORDER BY id FOR UPDATE),
    buried AS (
        DELETE FROM webhook.instance WHERE id IN (
            SELECT id FROM named
            EXCEPT
            SELECT id FROM (SELECT id FROM named ORDER BY joined_ms DESC, id DESC LIMIT 1) latest
            WHERE (SELECT count(*) FROM named) > 1)
        RETURNING id)
    SELECT id IN (SELECT id FROM buried) FROM named";

/// Takes over what runs in the name of an instance that has no row. Each of these ends counts as a crash of the task, unless
/// the run was cleared. A task with `$1` crashes is to be parked (it gets the owner `$2`) if it was the only one that its
/// instance was running; the others are ready. Returns their ids, and which are to be parked.
///
/// A task whose transaction is about to end it is left for the next time: that transaction may belong to a process that was
/// frozen in the middle of its commit.
const INHERIT: &str = "
    WITH gap (after, before) AS MATERIALIZED (
        SELECT lag(id, 1, -9223372036854775808) OVER (ORDER BY id), id
        FROM unnest(ARRAY(SELECT id FROM webhook.instance)) AS instance (id)
        UNION ALL
        SELECT coalesce(max(id), -9223372036854775808), 9223372036854775807 FROM webhook.instance),
    left_over AS MATERIALIZED (
        SELECT t.id, t.owner FROM gap CROSS JOIN LATERAL (
            SELECT id, owner FROM webhook.task
            WHERE state = 1 AND owner > gap.after AND owner < gap.before OFFSET 0) t
        ORDER BY t.id),
    orphan AS MATERIALIZED (
        SELECT t.* FROM left_over l CROSS JOIN LATERAL (
            SELECT id, owner, crashes, suspect <> 2 AS counts FROM webhook.task
            WHERE id = l.id AND state = 1 AND owner IS NOT DISTINCT FROM l.owner FOR UPDATE SKIP LOCKED) t),
    judged AS MATERIALIZED (
        SELECT id, counts, counts AND crashes + 1 >= $1 AND count(*) OVER (PARTITION BY owner) = 1 AS is_poison FROM orphan),
    taken AS (
        UPDATE webhook.task t
        SET crashes = t.crashes + j.counts::int, suspect = 1, state = j.is_poison::int,
            owner = CASE WHEN j.is_poison THEN $2 END, due_ms = CASE WHEN j.is_poison THEN t.due_ms ELSE now_ms END
        FROM judged j WHERE t.id = j.id AND t.id = ANY (ARRAY(SELECT id FROM judged))
        RETURNING t.id, t.attempt, t.started_ms, j.is_poison),
    attempted AS (
        INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome)
        SELECT id, attempt, started_ms, now_ms, 3 FROM taken ORDER BY id)
    SELECT id, is_poison FROM taken";

/// Parks what [`INHERIT`] gave to the owner `$1`, with the error `$2`.
const PARK_POISON: &str = concat!(
    "WITH gone AS (DELETE FROM webhook.task WHERE state = 1 AND owner = $1
                   RETURNING id, event_seq, handler, scope, object, lane, strict, moment, attempt, replay,
                             fence, started_ms) ",
    close!("5", "2", "0", "$2")
);

/// Makes due now what waits for longer than any retry (`$1`): a clock that was wrong has put it off.
const PUT_OFF: &str = "UPDATE webhook.task SET due_ms = now_ms WHERE state + 0 = 0 AND due_ms > now_ms + $1";

/// What this instance (`$1`) runs according to the database, apart from the tasks `$2`.
const UNKNOWN: &str =
    "SELECT id, fence FROM webhook.task WHERE state = 1 AND owner = $1 AND NOT id = ANY ($2)";

/// Makes ready again those of the tasks with these ids (`$2`) and fences (`$3`) that this instance (`$1`) runs according to the
/// database. The attempts do not count. Returns the ids.
const RELEASE: &str = "
    UPDATE webhook.task t
    SET state = 0, owner = NULL, due_ms = now_ms, attempt = attempt - 1,
        suspect = CASE WHEN suspect = 2 THEN (crashes > 0)::int ELSE suspect END
    FROM unnest($2, $3) AS f (id, fence)
    WHERE t.id = ANY (ARRAY[f.id]) AND t.fence = f.fence AND t.state = 1 AND t.owner IS NOT DISTINCT FROM $1
    RETURNING t.id";

/// Deletes this instance (`$1`).
const LEAVE: &str = "DELETE FROM webhook.instance WHERE id = $1";

/// What an instance tells of its program, for operators who list the instances.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Names the machine and the process.
    pub(super) name: String,
    pub(super) version: String,
    /// How many handlers run at once.
    pub(super) slots: i32,
}

/// Joins as a new instance, and takes over what is left of others.
pub(super) async fn join(
    db: &Connection,
    session: &Session,
    program: &Program,
    handlers: &[HandlerId],
    timing: &Timing,
) -> Result<Recovered, Problem> {
    let id = random()?;
    let lease = millis(timing.lease);
    db.execute(JOIN, &[&id, &program.name, &program.version, &program.slots, &handlers, &lease]).await?;
    session.become_instance(id);
    let looks = Looks::default();
    let taken =
        if timing.settles { Recovered::default() } else { take_over(db, session, timing, &looks).await? };
    let of_handlers = missing_handlers::at_join(db, timing).await?;
    Ok(Recovered { suspects: taken.suspects, poisoned: taken.poisoned, ..of_handlers })
}

/// Renews the lease. Returns whether this instance has `settled`; `None` if another has taken over from it.
pub(super) async fn renew(
    db: &Connection,
    session: &Session,
    timing: &Timing,
    settled: &Settled,
) -> Result<Option<bool>, Problem> {
    let renewed = db.query(RENEW, &[&session.id(), &millis(timing.lease)]).await?;
    Ok(renewed.first().map(|row| settled.renewed(row.get(0)) || !timing.settles))
}

/// Returns what this instance is still running, and leaves.
pub(super) async fn leave(db: &Connection, session: &Session) -> Result<(), Problem> {
    session.live().clear();
    let all = unknown(db, session).await?;
    release(db, session, &all).await?;
    db.execute(LEAVE, &[&session.id()]).await?;
    Ok(())
}

/// How often the lease was renewed without a gap.
#[derive(Debug, Default)]
pub(super) struct Settled(std::sync::atomic::AtomicU32);

impl Settled {
    /// Notes a renewal, and whether the lease had not ended before. Returns whether the instance may take over from others.
    fn renewed(&self, was_valid: bool) -> bool {
        use std::sync::atomic::Ordering::Relaxed;

        let renewals = if was_valid { self.0.load(Relaxed).saturating_add(1) } else { 0 };
        self.0.store(renewals, Relaxed);
        renewals >= 2
    }
}

/// Makes ready again what this instance is running without knowing it, because an answer was lost.
pub(super) async fn release_forgotten(db: &Connection, session: &Session) -> Result<(), Problem> {
    let first_under_way = session.first_under_way();
    let forgotten = session.forgotten(unknown(db, session).await?, first_under_way);
    release(db, session, &forgotten).await
}

/// What this instance is running without knowing it.
async fn unknown(db: &Connection, session: &Session) -> Result<Vec<Ticket>, Problem> {
    let known: Vec<i64> = session.live().iter().map(|ticket| ticket.task).collect();
    let rows = db.query(UNKNOWN, &[&session.id(), &known]).await?;
    Ok(rows.iter().map(|row| Ticket { task: row.get(0), fence: row.get(1) }).collect())
}

/// Makes ready again what this instance is running.
async fn release(db: &Connection, session: &Session, runs: &[Ticket]) -> Result<(), Problem> {
    if runs.is_empty() {
        return Ok(());
    }
    let (ids, fences): (Vec<i64>, Vec<i64>) = runs.iter().map(|run| (run.task, run.fence)).unzip();
    let rows = db.query(RELEASE, &[&session.id(), &ids, &fences]).await?;
    let released: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    db.execute(PROMOTE_AFTER, &[&released]).await?;
    Ok(())
}

/// Removes the instances of a name, for an operator who knows that they are dead, and takes over from them.
pub(super) async fn bury(db: &Connection, name: &str) -> Result<Option<Buried>, Problem> {
    let named = db.query(BURY_NAMED, &[&name]).await?;
    if named.is_empty() {
        return Ok(None);
    }
    let are_buried: Vec<bool> = named.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let Recovered { suspects, poisoned, .. } = inherit(db).await?;
    Ok(Some(Buried {
        instances: are_buried.iter().filter(|is_buried| **is_buried).count() as u64,
        ready: suspects,
        parked: poisoned,
        has_successor: are_buried.contains(&false),
    }))
}

/// Takes over from instances whose leases have ended.
pub(super) async fn take_over(
    db: &Connection,
    session: &Session,
    timing: &Timing,
    looks: &Looks,
) -> Result<Recovered, Problem> {
    let has_buried = db.execute(BURY, &[&session.id()]).await? > 0;
    if !has_buried && !looks.left_over.is_due() {
        return Ok(Recovered::default());
    }
    let taking = async {
        let inherited = inherit(db).await?;
        db.execute(PUT_OFF, &[&millis(Retry::LONGEST)]).await?;
        Ok(inherited)
    };
    looks.left_over.take(timing.look_share, Duration::ZERO, taking).await
}

/// Takes over from instances that have no row any more.
async fn inherit(db: &Connection) -> Result<Recovered, Problem> {
    // No instance has a negative id.
    let poison = -random()?;
    let crashes = MAX_CRASHES.cast_signed();
    let rows = transaction(
        db,
        &[Statement::new(INHERIT, &[&crashes, &poison]), Statement::new(PARK_POISON, &[&poison, &POISON])],
    )
    .await?;
    let taken = rows.first().map_or(&[][..], |rows| rows);
    let ids: Vec<i64> = taken.iter().map(|row: &Row| row.get(0)).collect();
    let poisoned: Vec<i64> = taken.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();
    if !ids.is_empty() {
        db.execute(TRIM_ATTEMPTS, &[&ids, &(ATTEMPTS_KEPT as i64)]).await?;
    }
    if !poisoned.is_empty() {
        db.execute(PROMOTE_AFTER, &[&poisoned]).await?;
    }
    let poisoned = poisoned.len() as u64;
    Ok(Recovered { suspects: ids.len() as u64 - poisoned, poisoned, ..Recovered::default() })
}
