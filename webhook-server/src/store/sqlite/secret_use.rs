//! When each signing secret was last used, so that an operator knows when an old one can go.

use rusqlite::{Connection, params};

use crate::store::clock::millis;
use crate::store::{CameBy, SECRET_NOTED_EVERY, SecretRow};

/// Notes that a secret has signed something now, at most once in [`SECRET_NOTED_EVERY`]. Part of the transaction that
/// stores what it signed.
pub(super) fn note(db: &Connection, came_by: &CameBy, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO inbox_secret (endpoint, label, last_used_ms) VALUES (?1, ?2, ?3) \
         ON CONFLICT (endpoint, label) DO UPDATE SET last_used_ms = ?3 \
         WHERE last_used_ms <= ?4 OR last_used_ms > ?3",
    )?
    .execute(params![
        came_by.endpoint,
        came_by.secret,
        now,
        now.saturating_sub(millis(SECRET_NOTED_EVERY))
    ])?;
    Ok(())
}

/// Lists the secrets by endpoint and label.
pub(super) fn list(db: &Connection) -> rusqlite::Result<Vec<SecretRow>> {
    db.prepare_cached("SELECT endpoint, label, last_used_ms FROM inbox_secret ORDER BY endpoint, label")?
        .query_map([], |row| {
            Ok(SecretRow { endpoint: row.get(0)?, secret: row.get(1)?, last_used_ms: row.get(2)? })
        })?
        .collect()
}
