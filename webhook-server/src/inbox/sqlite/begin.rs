//! Taking over what a former process left.

use std::collections::HashSet;

use rusqlite::{Connection, params};
use webhook_core::Retry;

use super::finish::{Place, promote, settle};
use crate::inbox::clock::millis;
use crate::inbox::store::{Began, State, Ticket, Why};

/// How often a task may end the process while it alone is running.
const MAX_CRASHES: u32 = 3;

pub(super) fn begin(db: &Connection, handlers: &[String], now: i64) -> rusqlite::Result<Began> {
    let mut began = Began::default();
    // A suspect runs alone: if its process ended, the suspicion is confirmed.
    db.execute("UPDATE inbox_task SET crashes = crashes + suspect, suspect = 1 WHERE state = 1", [])?;
    let poisonous: Vec<(Place, i64)> = db
        .prepare("SELECT handler, lane, id FROM inbox_task WHERE state = 1 AND crashes >= ?1")?
        .query_map([MAX_CRASHES], |row| Ok((Place::read(row)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (place, task) in poisonous {
        let error = format!("the process ended {MAX_CRASHES} times while this task alone was running");
        settle(db, task, State::Parked, Some(Why::Poison), Some(&error), now)?;
        promote(db, &place, now)?;
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
pub(super) type Live = HashSet<Ticket>;

/// Makes ready again what runs by the file and is not among the tasks that really do.
pub(super) fn release_unknown(db: &Connection, live: &Live) -> rusqlite::Result<()> {
    let running: Vec<Ticket> = db
        .prepare("SELECT id, fence FROM inbox_task WHERE state = 1")?
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
    began: &mut Began,
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
    for handler in open.iter().filter(|handler| !is_known(handler)) {
        for condition in OPEN {
            let park = format!(
                "UPDATE inbox_task SET state = 5, why = ?2, finished_ms = ?3, error = NULL, suspect = 0 \
                 WHERE handler = ?1 AND {condition}"
            );
            began.without_handler += changed(db.execute(&park, params![handler, Why::NoHandler, now])?);
        }
    }
    for handler in of_tasks("state = 5")?.iter().filter(|handler| is_known(handler)) {
        began.resumed += changed(db.execute(
            "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, due_ms = ?3 \
             WHERE handler = ?1 AND state = 5 AND why = ?2 \
               AND EXISTS (SELECT 1 FROM inbox_event WHERE seq = event_seq AND body IS NOT NULL)",
            params![handler, Why::NoHandler, now],
        )?);
    }
    Ok(())
}

fn changed(rows: usize) -> u64 {
    rows as u64
}
