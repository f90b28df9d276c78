//! Ending runs: many at once.
//!
//! A run ends only with the fence of its own claim, and only by the instance that owns it. If the task is no longer running,
//! or has been claimed again since, the end changes nothing.

use std::collections::HashSet;
use std::time::Duration;

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::lanes::PROMOTE_AFTER;
use super::low_water::LowWater;
use super::problem::Problem;
use super::session::Session;
use crate::store::clock::millis;
use crate::store::{ATTEMPTS_KEPT, AttemptOutcome, Disposition, FinishResult, ParkReason, State, Ticket};

/// Longer than any retry waits, and short enough to be added to the present time.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Moves the rows of `gone` to the closed tasks, with a state, a reason, a number of crashes and an error.
macro_rules! close {
    ($state:literal, $why:literal, $crashes:literal, $error:literal) => {
        concat!(
            " INSERT INTO webhook.ended (id, event_seq, handler, scope, object, lane, strict, moment, state, why, attempt,
                                         crashes, replay, fence, started_ms, finished_ms, error)
              SELECT id, event_seq, handler, scope, object, lane, strict, moment, ",
            $state,
            ", ",
            $why,
            ", attempt, ",
            $crashes,
            ", replay, fence, started_ms, now_ms, ",
            $error,
            " FROM gone "
        )
    };
}
pub(super) use close;

/// Moves tasks of this instance (`$1`) whose runs have ended to the closed ones: `$2` their ids, `$3` fences, `$4` states, `$5`
/// reasons, `$6` errors, `$7` how the attempts ended if they did not succeed. Returns the ids of those that it was right for.
pub(super) const CLOSE: &str = concat!(
    "
    WITH gone AS (
        DELETE FROM webhook.task t
        USING unnest($2, $3, $4, $5, $6, $7) AS f (id, fence, state, why, error, outcome)
        WHERE t.id = ANY (ARRAY[f.id]) AND t.fence = f.fence AND t.state = 1 AND t.owner IS NOT DISTINCT FROM $1
        RETURNING t.id, t.event_seq, t.handler, t.scope, t.object, t.lane, t.strict, t.moment, t.attempt, t.replay, t.fence,
                  t.started_ms, f.state, f.why, f.error, f.outcome),
    attempted AS (
        INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome, error)
        SELECT id, attempt, started_ms, now_ms, outcome, error FROM gone WHERE outcome IS NOT NULL)",
    close!("state", "why", "0", "error"),
    "RETURNING id"
);

/// Makes tasks of this instance (`$1`) ready again: `$2` their ids, `$3` fences, `$4` how long until they are due, `$5` errors,
/// `$6` whether this is a retry, so that the attempt counts. Returns the ids of those that it was right for.
const BACK: &str = "
    WITH back AS (
        UPDATE webhook.task t
        SET state = 0, owner = NULL, due_ms = now_ms + b.after_ms,
            error = CASE WHEN b.retry THEN b.error ELSE t.error END,
            crashes = CASE WHEN b.retry THEN 0 ELSE t.crashes END,
            suspect = CASE WHEN b.retry THEN 0 WHEN t.suspect = 2 THEN (t.crashes > 0)::int ELSE t.suspect END,
            attempt = CASE WHEN b.retry THEN t.attempt ELSE t.attempt - 1 END
        FROM unnest($2, $3, $4, $5, $6) AS b (id, fence, after_ms, error, retry)
        WHERE t.id = ANY (ARRAY[b.id]) AND t.fence = b.fence AND t.state = 1 AND t.owner IS NOT DISTINCT FROM $1
        RETURNING t.id, t.attempt, t.started_ms, b.error, b.retry),
    attempted AS (
        INSERT INTO webhook.attempt (task, attempt, started_ms, ended_ms, outcome, error)
        SELECT id, attempt, started_ms, now_ms, 0, error FROM back WHERE retry)
    SELECT id FROM back";

/// Deletes all but the latest attempts (`$2` is how many are kept) of the tasks with these ids (`$1`).
pub(super) const TRIM_ATTEMPTS: &str = "
    DELETE FROM webhook.attempt a
    USING unnest($1) AS t (id)
    WHERE a.task = ANY (ARRAY[t.id])
      AND a.id <= (SELECT o.id FROM webhook.attempt o WHERE o.task = t.id ORDER BY o.id DESC LIMIT 1 OFFSET $2)";

/// Whether any task is due now, looking from `$1`.
const ANY_DUE: &str = "
    SELECT (SELECT 1 FROM webhook.task
            WHERE state + 0 = 0 AND due_ms <= now_ms AND due_ms >= least($1, now_ms - 2000)
            ORDER BY due_ms LIMIT 1) IS NOT NULL
        OR EXISTS (SELECT 1 FROM webhook.task WHERE state = 0 AND due_ms <= now_ms AND suspect = 1)";

/// The tasks with these ids (`$1`) and fences (`$2`) whose runs have ended by now.
const HAVE_ENDED: &str = "
    SELECT f.id FROM unnest($1, $2) AS f (id, fence)
    WHERE (SELECT 1 FROM webhook.ended e WHERE e.id = f.id AND e.fence = f.fence LIMIT 1) IS NOT NULL
       OR (SELECT 1 FROM webhook.task t WHERE t.id = f.id AND t.fence = f.fence AND t.state <> 1 LIMIT 1) IS NOT NULL";

/// Clears a run (`$2` is its task, `$3` its fence) of this instance (`$1`).
const CLEAR_SUSPECT: &str = "UPDATE webhook.task SET suspect = 2 WHERE id = $2 AND fence = $3 AND state = 1 AND owner IS NOT DISTINCT FROM $1";

/// Ends runs, and looks whether anything is due now. `again` if the outcome of a former call with the same ends is unknown.
/// `low_water` says from where to look.
pub(super) async fn finish(
    db: &Connection,
    session: &Session,
    ends: &[(Ticket, &Disposition)],
    again: bool,
    low_water: &LowWater,
) -> Result<Vec<FinishResult>, Problem> {
    let instance = session.id();
    let (close, back) = (Close::of(ends), Back::of(ends));
    let lowest = low_water.lowest();
    let ids: Vec<i64> = ends.iter().map(|(ticket, _)| ticket.task).collect();
    // Those that can be ours: a ticket that is void frees no lane.
    let live: Vec<i64> = {
        let live = session.live();
        let known = ends.iter().filter(|(ticket, _)| live.contains(ticket));
        known.map(|(ticket, _)| ticket.task).collect()
    };
    let fences: Vec<i64> = ends.iter().map(|(ticket, _)| ticket.fence).collect();
    let attempted: Vec<i64> =
        ends.iter().filter(|(_, end)| outcome(end).is_some()).map(|(ticket, _)| ticket.task).collect();
    let kept = ATTEMPTS_KEPT as i64;
    let mut ending = Vec::new();
    if !close.id.is_empty() {
        ending.push(Statement::new(
            CLOSE,
            &[&instance, &close.id, &close.fence, &close.state, &close.why, &close.error, &close.outcome],
        ));
    }
    if !back.id.is_empty() {
        ending.push(Statement::new(
            BACK,
            &[&instance, &back.id, &back.fence, &back.after_ms, &back.error, &back.retry],
        ));
    }
    let ended = transaction(db, &ending).await?;
    // The lanes are looked at when that is committed.
    let mut looking = vec![Statement::new(PROMOTE_AFTER, &[&live]), Statement::new(ANY_DUE, &[&lowest])];
    if again {
        looking.push(Statement::new(HAVE_ENDED, &[&ids, &fences]));
    }
    if !attempted.is_empty() {
        looking.push(Statement::new(TRIM_ATTEMPTS, &[&attempted, &kept]));
    }
    let looked = transaction(db, &looking).await?;
    let is_any_due = looked.get(1).and_then(|rows| rows.first()).is_some_and(|row| row.get(0));
    let found = looked.get(2).filter(|_| again);
    let ours: HashSet<i64> = ended.iter().chain(found).flatten().map(|row: &Row| row.get(0)).collect();
    let mut live = session.live();
    let result = |(ticket, _): &(Ticket, &Disposition)| {
        live.remove(ticket);
        FinishResult { was_ours: ours.contains(&ticket.task), is_any_due }
    };
    Ok(ends.iter().map(result).collect())
}

/// Clears a run that has gone on for long: if the process ends now, that does not count as a crash of the task.
pub(super) async fn clear_suspect(db: &Connection, session: &Session, ticket: Ticket) -> Result<(), Problem> {
    db.execute(CLEAR_SUSPECT, &[&session.id(), &ticket.task, &ticket.fence]).await?;
    Ok(())
}

/// How an attempt ended if it did not succeed.
fn outcome(end: &Disposition) -> Option<AttemptOutcome> {
    match end {
        Disposition::Done | Disposition::Released => None,
        Disposition::Skipped { .. } => Some(AttemptOutcome::Skipped),
        Disposition::Retry { .. } => Some(AttemptOutcome::Failed),
        Disposition::Parked { .. } => Some(AttemptOutcome::Parked),
    }
}

/// The runs that close their tasks, by columns.
#[derive(Default)]
struct Close<'e> {
    id: Vec<i64>,
    fence: Vec<i64>,
    state: Vec<State>,
    why: Vec<Option<ParkReason>>,
    error: Vec<Option<&'e str>>,
    outcome: Vec<Option<AttemptOutcome>>,
}

impl<'e> Close<'e> {
    fn of(ends: &[(Ticket, &'e Disposition)]) -> Self {
        let mut close = Self::default();
        for (ticket, end) in ends {
            let (state, why, error) = match end {
                Disposition::Done => (State::Done, None, None),
                Disposition::Skipped { error } => (State::Skipped, None, Some(&**error)),
                Disposition::Parked { why, error } => (State::Parked, Some(*why), Some(&**error)),
                Disposition::Retry { .. } | Disposition::Released => continue,
            };
            close.id.push(ticket.task);
            close.fence.push(ticket.fence);
            close.state.push(state);
            close.why.push(why);
            close.error.push(error);
            close.outcome.push(outcome(end));
        }
        close
    }
}

/// The runs after which their tasks are ready again, by columns.
#[derive(Default)]
struct Back<'e> {
    id: Vec<i64>,
    fence: Vec<i64>,
    after_ms: Vec<i64>,
    error: Vec<Option<&'e str>>,
    retry: Vec<bool>,
}

impl<'e> Back<'e> {
    fn of(ends: &[(Ticket, &'e Disposition)]) -> Self {
        let mut back = Self::default();
        for (ticket, end) in ends {
            let (after, error) = match end {
                Disposition::Retry { after, error } => (*after, Some(&**error)),
                Disposition::Released => (Duration::ZERO, None),
                Disposition::Done | Disposition::Skipped { .. } | Disposition::Parked { .. } => continue,
            };
            back.id.push(ticket.task);
            back.fence.push(ticket.fence);
            back.after_ms.push(millis(after.min(LONGEST)));
            back.error.push(error);
            back.retry.push(error.is_some());
        }
        back
    }
}
