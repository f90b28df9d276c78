//! Which suspect runs, and which one is next.
//!
//! A suspect is an open task with `suspect = 1`; it is accused with [`ACCUSED`] crashes or more. The store promises
//! that one suspect runs at a time, so that a crash can be traced to it: see `Store::claim`.

use rusqlite::{Connection, OptionalExtension};

use super::capacity::Remaining;
use super::lanes::lane_runs;
use crate::store::{ACCUSED, HandlerId};

/// A suspect that can start.
pub(super) struct Suspect {
    pub(super) id: i64,
    pub(super) handler: HandlerId,
    pub(super) crashes: u32,
}

/// `None` if no suspect is running; otherwise whether the running one is accused.
pub(super) fn running_suspect(db: &Connection) -> rusqlite::Result<Option<bool>> {
    db.prepare_cached(
        "SELECT crashes >= ?1 FROM inbox_task WHERE suspect = 1 AND state <= 2 AND state = 1 \
         ORDER BY crashes DESC LIMIT 1",
    )?
    .query_row([ACCUSED], |row| row.get(0))
    .optional()
}

/// The suspect that starts next, if one can: the one with most crashes, and the oldest of these. It does not wait for its
/// turn in its lane, since it has started before.
pub(super) fn next_suspect(db: &Connection, remaining: &Remaining) -> rusqlite::Result<Option<Suspect>> {
    let mut suspects = db.prepare_cached(
        "SELECT id, handler, scope, lane, crashes FROM inbox_task WHERE suspect = 1 AND state <= 2 \
         ORDER BY crashes DESC, id",
    )?;
    let mut suspects = suspects.query([])?;
    while let Some(row) = suspects.next()? {
        let Some(handler) = remaining.handler(row.get_ref(1)?.as_str()?) else { continue };
        if !remaining.has(handler) {
            continue;
        }
        let lane: Option<String> = row.get(3)?;
        let is_taken = match &lane {
            Some(lane) => lane_runs(db, row.get_ref(2)?.as_str()?, lane)?,
            None => false,
        };
        if !is_taken {
            return Ok(Some(Suspect { id: row.get(0)?, handler, crashes: row.get(4)? }));
        }
    }
    Ok(None)
}
