//! Taking over the tasks that a former process was running, and releasing those of this one.
//!
//! A file has one instance, so recovery takes over every task that is marked as running. [`Live`] is what this process
//! knows of its own runs: after a commit whose outcome is unknown, it distinguishes the runs that were reported
//! to the worker from those that were not.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, params};
use webhook_core::Retry;

use super::finish::{close_run, end_run, keep_attempt};
use super::lanes::{LaneKey, promote, promote_after};
use super::session::Stamp;
use crate::store::clock::millis;
use crate::store::{
    AttemptOutcome, Disposition, HandlerId, MAX_CRASHES, POISON, ParkReason, Recovered, State, Ticket,
};

/// Takes over every task that is running according to the database, parks the tasks of handlers that are gone, and resumes
/// those of handlers that are back.
pub(super) fn recover(db: &Connection, handlers: &[HandlerId], now: i64) -> rusqlite::Result<Recovered> {
    let mut recovered = take_over(db, now)?;
    missing_handlers(db, handlers, now, &mut recovered)?;
    Ok(recovered)
}

/// Takes over every task that is running according to the database: former sessions are gone, as the lock proves, and
/// this one has started nothing yet.
pub(super) fn take_over(db: &Connection, now: i64) -> rusqlite::Result<Recovered> {
    let mut recovered = Recovered::default();
    // By `+id`: in the order of the table, it would read all of it.
    let running: Vec<(Ticket, u32, bool)> = db
        .prepare("SELECT id, fence, crashes, suspect <> 2 FROM inbox_task WHERE state = 1 ORDER BY +id")?
        .query_map([], |row| {
            let ticket = Ticket { task: row.get(0)?, fence: row.get(1)? };
            Ok((ticket, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    db.execute("UPDATE inbox_task SET crashes = crashes + (suspect <> 2), suspect = 1 WHERE state = 1", [])?;
    for (ticket, ..) in &running {
        keep_attempt(db, ticket.task, AttemptOutcome::Crashed, None, now)?;
    }
    // If another task ran as well, that one may have ended the process.
    if let [(ticket, crashes, true)] = running[..]
        && crashes + 1 >= MAX_CRASHES
    {
        close_run(db, ticket, State::Parked, Some(ParkReason::Poison), Some(POISON), now)?;
        promote_after(db, ticket.task, now)?;
        recovered.poisoned += 1;
    }
    recovered.suspects = changed(
        db.execute("UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?1 WHERE state = 1", [now])?,
    );
    // No retry waits longer than this: a clock that was wrong has put these off.
    db.execute(
        "UPDATE inbox_task SET due_ms = ?1 WHERE state = 0 AND due_ms > ?2",
        [now, now.saturating_add(millis(Retry::LONGEST))],
    )?;
    Ok(recovered)
}

/// Makes ready again what this session still runs, without counting the attempts.
pub(super) fn leave(db: &Connection, stamp: Stamp<'_>) -> rusqlite::Result<()> {
    for ticket in running_in(db, stamp.session)? {
        end_run(db, ticket, &Disposition::Released, stamp.now)?;
        promote_after(db, ticket.task, stamp.now)?;
    }
    Ok(())
}

/// The runs in progress that were reported to the worker.
pub(crate) type Live = HashSet<Ticket>;

/// Makes ready again what this session runs according to the file, but was never reported to the worker. What former
/// sessions ran is left to [`recover`], which counts it.
pub(super) fn release_unknown(db: &Connection, live: &Live) -> rusqlite::Result<()> {
    let session = db.query_row("SELECT number FROM inbox_session", [], |row| row.get(0))?;
    for run in running_in(db, session)?.iter().filter(|run| !live.contains(run)) {
        db.execute(
            "UPDATE inbox_task SET state = 0, owner = NULL, attempt = attempt - 1 WHERE id = ?1",
            [run.task],
        )?;
    }
    Ok(())
}

/// The runs that belong to a session.
fn running_in(db: &Connection, session: i64) -> rusqlite::Result<Vec<Ticket>> {
    db.prepare("SELECT id, fence FROM inbox_task WHERE state = 1 AND owner = ?1")?
        .query_map([session], |row| Ok(Ticket { task: row.get(0)?, fence: row.get(1)? }))?
        .collect()
}

/// The open tasks when nothing runs. Each condition has an index: most tasks are done, and there are many of them.
const OPEN: [&str; 2] = ["state = 0", "state IN (0, 2) AND state = 2 AND lane IS NOT NULL"];

/// Parks the tasks of handlers that are gone, and resumes those of handlers that are back.
fn missing_handlers(
    db: &Connection,
    handlers: &[HandlerId],
    now: i64,
    recovered: &mut Recovered,
) -> rusqlite::Result<()> {
    let is_known = |handler: &String| handlers.contains(&handler.as_str());
    let of_tasks = |condition: &str| -> rusqlite::Result<Vec<String>> {
        db.prepare(&format!("SELECT DISTINCT handler FROM inbox_task WHERE {condition}"))?
            .query_map([], |row| row.get(0))?
            .collect()
    };
    let mut open = Vec::new();
    for condition in OPEN {
        open.extend(of_tasks(condition)?);
    }
    open.sort();
    open.dedup();
    // Lanes shared with other handlers, whose tasks may have been blocked by those that are parked now.
    let mut left = BTreeSet::new();
    for handler in open.iter().filter(|handler| !is_known(handler)) {
        for condition in OPEN {
            let shared = format!(
                "SELECT DISTINCT scope, lane FROM inbox_task \
                 WHERE handler = ?1 AND scope <> handler AND lane IS NOT NULL AND {condition}"
            );
            let mut shared = db.prepare(&shared)?;
            for lane in shared.query_map([handler], LaneKey::read)? {
                left.insert(lane?);
            }
            let park = format!(
                "UPDATE inbox_task SET state = 5, why = ?2, finished_ms = ?3, error = NULL, suspect = 0 \
                 WHERE handler = ?1 AND {condition}"
            );
            recovered.without_handler +=
                changed(db.execute(&park, params![handler, ParkReason::NoHandler, now])?);
        }
    }
    for lane in &left {
        promote(db, lane, now)?;
    }
    for handler in of_tasks("state = 5")?.iter().filter(|handler| is_known(handler)) {
        recovered.resumed += changed(db.execute(
            "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, due_ms = ?3 \
             WHERE handler = ?1 AND state = 5 AND why = ?2 \
               AND EXISTS (SELECT 1 FROM inbox_event WHERE seq = event_seq AND body IS NOT NULL)",
            params![handler, ParkReason::NoHandler, now],
        )?);
    }
    Ok(())
}

fn changed(rows: usize) -> u64 {
    rows as u64
}
