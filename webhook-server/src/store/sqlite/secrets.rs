//! The signing secrets, and when each was last used, so that an operator knows when an old one can go.
//!
//! A row belongs to an endpoint, a label and a fingerprint. So two servers that have different secrets under one label, as
//! during a deploy, write different rows.

use rusqlite::{Connection, params};

use crate::store::clock::millis;
use crate::store::{CameBy, SECRET_KEPT, SECRET_USE_NOTED_EVERY, SecretRow};

/// Notes that a secret has signed something now, at most once in [`SECRET_USE_NOTED_EVERY`]. Part of the transaction that
/// stores what it signed. Returns whether this use was noted.
pub(super) fn note_use(db: &Connection, came_by: &CameBy, now: i64) -> rusqlite::Result<bool> {
    let CameBy { endpoint, secret } = came_by;
    let changed = db
        .prepare_cached(
            "INSERT INTO inbox_secret (endpoint, label, fingerprint, last_configured_ms, last_used_ms) \
         VALUES (?1, ?2, ?3, ?4, ?4) \
         ON CONFLICT (endpoint, label, fingerprint) DO UPDATE SET last_configured_ms = ?4, last_used_ms = ?4 \
         WHERE last_used_ms IS NULL OR last_used_ms <= ?5 OR last_used_ms > ?4",
        )?
        .execute(params![
            endpoint,
            secret.label,
            secret.fingerprint,
            now,
            now.saturating_sub(millis(SECRET_USE_NOTED_EVERY))
        ])?;
    Ok(changed == 1)
}

/// Notes that the server is configured with these secrets. A clock that is late, as at the start of a machine without a
/// clock of its own, makes no secret look forgotten.
pub(super) fn note_configured(db: &Connection, configured: &[CameBy], now: i64) -> rusqlite::Result<()> {
    let mut note = db.prepare_cached(
        "INSERT INTO inbox_secret (endpoint, label, fingerprint, last_configured_ms) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (endpoint, label, fingerprint) DO UPDATE \
         SET last_configured_ms = max(last_configured_ms, ?4)",
    )?;
    for CameBy { endpoint, secret } in configured {
        note.execute(params![endpoint, secret.label, secret.fingerprint, now])?;
    }
    Ok(())
}

/// Deletes the secrets that no server has had for [`SECRET_KEPT`].
pub(super) fn forget(db: &Connection, now: i64) -> rusqlite::Result<()> {
    db.execute(
        "DELETE FROM inbox_secret WHERE last_configured_ms < ?1",
        [now.saturating_sub(millis(SECRET_KEPT))],
    )?;
    Ok(())
}

/// Lists the secrets by endpoint, label and fingerprint.
pub(super) fn list(db: &Connection) -> rusqlite::Result<Vec<SecretRow>> {
    db.prepare_cached(
        "SELECT endpoint, label, fingerprint, last_configured_ms, last_used_ms FROM inbox_secret \
         ORDER BY endpoint, label, fingerprint",
    )?
    .query_map([], |row| {
        Ok(SecretRow {
            endpoint: row.get(0)?,
            secret: row.get(1)?,
            fingerprint: row.get(2)?,
            last_configured_ms: row.get(3)?,
            last_used_ms: row.get(4)?,
        })
    })?
    .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::SecretName;
    use crate::store::sqlite::schema::Schema;

    /// A machine without a clock of its own starts in 1970. What it notes then must not be deleted when its clock is right.
    #[test]
    fn a_late_clock_makes_no_secret_look_forgotten() {
        let mut db = Connection::open_in_memory().expect("there is memory");
        let schema = Schema::of(&db).unwrap_or_else(|_| panic!("the file is empty"));
        schema.bring_up_to_date(&mut db).expect("the file is empty");
        let secret = SecretName { label: "old".into(), fingerprint: "47f0b1f8".into() };
        let came_by = CameBy { endpoint: Arc::from("/stripe"), secret };
        let now = 1_800_000_000_000;
        note_use(&db, &came_by, now).expect("it can be written");
        note_configured(&db, &[came_by], 5_000).expect("it can be written");
        forget(&db, now + 1_000).expect("it can be written");
        let rows = list(&db).expect("it can be read");
        let times: Vec<_> = rows.iter().map(|row| (row.last_configured_ms, row.last_used_ms)).collect();
        assert_eq!(times, [(now, Some(now))]);
    }
}
