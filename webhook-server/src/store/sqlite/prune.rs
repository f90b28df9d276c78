//! Freeing what was kept long enough.
//!
//! One step looks at the next [`PRUNE_STEP`] events in the order of arrival, and deletes those whose time is up:
//!
//! 1. events with a parked task, when all their parked tasks have been parked for `Retention::parked`;
//! 2. other events without open tasks, when they arrived before `ids` and their tasks ended before `bodies`;
//! 3. of the rest, the bodies whose events arrived, and whose tasks ended, before `bodies`.
//!
//! An open task keeps its event, however old it is.

use rusqlite::{Connection, OptionalExtension, params};

use super::secrets;
use super::session::Stamp;
use crate::failpoint::failpoint;
use crate::store::clock::millis;
use crate::store::{PRUNE_STEP, Pruned, Retention};

/// The events of one step.
const SPAN: &str = "seq > ?1 AND seq <= ?2";

/// No task of the event is open or parked.
const SETTLED: &str =
    "NOT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq AND (state <= 2 OR state = 5))";

/// Every task of the event ended before `?3`.
const ENDED: &str = "NOT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq AND finished_ms >= ?3)";

/// Takes one step from `cursor`. The first step (`cursor` 0) also frees old quarantined bodies and secrets.
pub(super) fn prune(
    db: &Connection,
    keep: &Retention,
    cursor: i64,
    stamp: Stamp<'_>,
) -> rusqlite::Result<Pruned> {
    let now = stamp.now;
    let before = |kept| now.saturating_sub(millis(kept));
    let (bodies, ids, parked) = (before(keep.bodies), before(keep.ids), before(keep.parked));
    let last: Option<(i64, i64, usize)> = db
        .prepare_cached(
            "SELECT seq, received_ms, count(*) OVER () \
             FROM (SELECT seq, received_ms FROM inbox_event WHERE seq > ?1 ORDER BY seq LIMIT ?2) \
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![cursor, PRUNE_STEP], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let mut pruned = Pruned::default();
    if let Some((last, received, seen)) = last {
        let expired = db
            .prepare_cached(&format!(
                "DELETE FROM inbox_event WHERE {SPAN} \
                   AND EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq AND state = 5) \
                   AND NOT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq \
                                   AND (state <= 2 OR state = 5 AND finished_ms >= ?3))"
            ))?
            .execute([cursor, last, parked])?;
        failpoint("mid-prune");
        let known_long_enough = db
            .prepare_cached(&format!(
                "DELETE FROM inbox_event WHERE {SPAN} AND received_ms < ?4 AND {SETTLED} AND {ENDED}"
            ))?
            .execute([cursor, last, bodies, ids])?;
        if expired + known_long_enough > 0 {
            stamp.numbers.keep(db)?;
        }
        let emptied = db
            .prepare_cached(&format!(
                "UPDATE inbox_event SET body = NULL \
                 WHERE {SPAN} AND body IS NOT NULL AND received_ms < ?3 AND {SETTLED} AND {ENDED}"
            ))?
            .execute([cursor, last, bodies])?;
        pruned.parked = expired as u64;
        pruned.events = (expired + known_long_enough) as u64;
        pruned.bodies = emptied as u64;
        // Later arrivals are too recent as well, unless the time is in the future, which says nothing.
        let is_recent = received >= bodies.max(ids).max(parked) && received <= now;
        pruned.next = (seen == PRUNE_STEP && !is_recent).then_some(last);
    }
    give_back(db)?;
    if cursor == 0 {
        let quarantined =
            db.execute("DELETE FROM inbox_quarantine WHERE received_ms < ?1", params![parked])?;
        pruned.quarantined = quarantined as u64;
        secrets::forget(db, now)?;
    }
    Ok(pruned)
}

/// Returns some of the free pages to the file system; the next steps return the rest.
fn give_back(db: &Connection) -> rusqlite::Result<()> {
    let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free == 0 {
        return Ok(());
    }
    // Each row that is fetched frees one page.
    let mut vacuum = db.prepare("PRAGMA incremental_vacuum(512)")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}
