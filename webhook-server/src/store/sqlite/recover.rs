//! Taking over what a former process left.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, params};
use webhook_core::Retry;

use super::finish::{keep_attempt, settle};
use super::lanes::{LaneKey, promote};
use crate::store::clock::millis;
use crate::store::{AttemptOutcome, MAX_CRASHES, POISON, ParkReason, Recovered, State, Ticket};

pub(super) fn begin(db: &Connection, handlers: &[String], now: i64) -> rusqlite::Result<Recovered> {
    let mut began = Recovered::default();
    let running: Vec<(LaneKey, i64, u32, bool)> = db
        .prepare("SELECT scope, lane, id, crashes, suspect <> 2 FROM inbox_task WHERE state = 1 ORDER BY id")?
        .query_map([], |row| Ok((LaneKey::read(row)?, row.get(2)?, row.get(3)?, row.get(4)?)))?
        .collect::<Result<_, _>>()?;
    db.execute("UPDATE inbox_task SET crashes = crashes + (suspect <> 2), suspect = 1 WHERE state = 1", [])?;
    for (_, task, ..) in &running {
        keep_attempt(db, *task, AttemptOutcome::Crashed, None, now)?;
    }
    // If something else ran as well, that may have ended the process.
    if let [(place, task, crashes, true)] = &running[..]
        && *crashes + 1 >= MAX_CRASHES
    {
        settle(db, *task, State::Parked, Some(ParkReason::Poison), Some(POISON), now)?;
        promote(db, place, now)?;
        began.poisoned += 1;
    }
    began.suspects = changed(
        db.execute("UPDATE inbox_task SET state = 0, owner = NULL, due_ms = ?1 WHERE state = 1", [now])?,
    );
    // No task waits longer than that: what does was put off by a clock that was wrong.
    db.execute(
        "UPDATE inbox_task SET due_ms = ?1 WHERE state = 0 AND due_ms > ?2",
        [now, now.saturating_add(millis(Retry::LONGEST))],
    )?;
    missing_handlers(db, handlers, now, &mut began)?;
    Ok(began)
}

/// The runs in progress, as far as whoever makes them was told.
pub(crate) type Live = HashSet<Ticket>;

/// Makes ready again what this process runs by the file, and does not really run. What a former process ran is left to
/// [`begin`], which counts it.
pub(super) fn release_unknown(db: &Connection, live: &Live) -> rusqlite::Result<()> {
    let running: Vec<Ticket> = db
        .prepare(
            "SELECT id, fence FROM inbox_task WHERE state = 1 AND owner = (SELECT number FROM inbox_incarnation)",
        )?
        .query_map([], |row| Ok(Ticket { task: row.get(0)?, fence: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    for run in running.iter().filter(|run| !live.contains(run)) {
        db.execute(
            "UPDATE inbox_task SET state = 0, owner = NULL, attempt = attempt - 1 WHERE id = ?1",
            [run.task],
        )?;
    }
    Ok(())
}

/// What is open when nothing runs. Each has an index of its own: most tasks are done, and there are many of them.
const OPEN: [&str; 2] = ["state = 0", "state <= 2 AND state = 2 AND lane IS NOT NULL"];

/// Parks the tasks of handlers that are gone, and resumes those of handlers that are back.
fn missing_handlers(
    db: &Connection,
    handlers: &[String],
    now: i64,
    began: &mut Recovered,
) -> rusqlite::Result<()> {
    let is_known = |handler: &String| handlers.contains(handler);
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
    // Lanes that are shared with other handlers, which were blocked by what is parked now.
    let mut left = BTreeSet::new();
    for handler in open.iter().filter(|handler| !is_known(handler)) {
        for condition in OPEN {
            let shared = format!(
                "SELECT DISTINCT scope, lane FROM inbox_task \
                 WHERE handler = ?1 AND scope <> handler AND lane IS NOT NULL AND {condition}"
            );
            let mut shared = db.prepare(&shared)?;
            for place in shared.query_map([handler], LaneKey::read)? {
                left.insert(place?);
            }
            let park = format!(
                "UPDATE inbox_task SET state = 5, why = ?2, finished_ms = ?3, error = NULL, suspect = 0 \
                 WHERE handler = ?1 AND {condition}"
            );
            began.without_handler +=
                changed(db.execute(&park, params![handler, ParkReason::NoHandler, now])?);
        }
    }
    for place in &left {
        promote(db, place, now)?;
    }
    for handler in of_tasks("state = 5")?.iter().filter(|handler| is_known(handler)) {
        began.resumed += changed(db.execute(
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
