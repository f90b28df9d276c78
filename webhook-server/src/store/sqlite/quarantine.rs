//! Keeping verified bodies that are not events.

use rusqlite::{Connection, params};

use super::record::digest_of;
use super::secrets;
use crate::store::CameBy;

/// Keeps a verified body that is not an event. Returns whether it is new.
pub(super) fn quarantine(
    db: &Connection,
    body: &[u8],
    reason: &str,
    came_by: &CameBy,
    now: i64,
) -> rusqlite::Result<bool> {
    secrets::note_use(db, came_by, now)?;
    let digest = digest_of(body);
    let deliveries: u64 = db
        .prepare_cached(
            "INSERT INTO inbox_quarantine (sha256, received_ms, reason, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (sha256) DO UPDATE SET deliveries = deliveries + 1 RETURNING deliveries",
        )?
        .query_row(params![digest, now, reason, body], |row| row.get(0))?;
    Ok(deliveries == 1)
}
