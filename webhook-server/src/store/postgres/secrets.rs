//! The signing secrets, and when each was last used, so that an operator knows when an old one can go.
//!
//! A row belongs to an endpoint, a label and a fingerprint. So two instances that have different secrets under one label, as
//! during a deploy, write different rows.

use tokio_postgres::Row;

use super::connection::Connection;
use super::flush::Statement;
use super::problem::Problem;
use crate::store::clock::millis;
use crate::store::noted_uses::NotedUses;
use crate::store::{CameBy, SECRET_KEPT, SECRET_USE_NOTED_EVERY, SecretRow};

/// Notes that secrets (`$1` to `$3`) have signed something now, except those whose last use was noted less than `$4` ago.
/// Returns the place of each and how long ago its last use was noted.
///
/// A row whose last use is recent is only read: writing it would make all instances wait for each other.
pub(super) const NOTE_USE: &str = "
    WITH used AS MATERIALIZED (
        SELECT u.*, (SELECT s.last_used_ms FROM webhook.secret s
                     WHERE s.endpoint = u.endpoint AND s.label = u.label AND s.fingerprint = u.fingerprint
                       AND s.last_used_ms > now_ms - $4 AND s.last_used_ms <= now_ms) AS recently
        FROM unnest($1, $2, $3) WITH ORDINALITY AS u (endpoint, label, fingerprint, nth)),
    noted AS (
        INSERT INTO webhook.secret AS s (endpoint, label, fingerprint, last_configured_ms, last_used_ms)
        SELECT endpoint, label, fingerprint, now_ms, now_ms FROM used WHERE recently IS NULL
        ORDER BY endpoint, label, fingerprint
        ON CONFLICT (endpoint, label, fingerprint) DO UPDATE SET last_configured_ms = now_ms, last_used_ms = now_ms
        WHERE s.last_used_ms IS NULL OR s.last_used_ms <= now_ms - $4 OR s.last_used_ms > now_ms)
    SELECT nth, coalesce(now_ms - recently, 0) FROM used";

/// Notes that this instance is configured with secrets. A clock that is late makes no secret look forgotten.
const NOTE_CONFIGURED: &str = "
    INSERT INTO webhook.secret AS s (endpoint, label, fingerprint, last_configured_ms)
    SELECT DISTINCT endpoint, label, fingerprint, now_ms FROM unnest($1, $2, $3) AS c (endpoint, label, fingerprint)
    ORDER BY endpoint, label, fingerprint
    ON CONFLICT (endpoint, label, fingerprint) DO UPDATE
    SET last_configured_ms = greatest(s.last_configured_ms, now_ms)";

/// Deletes the secrets that no instance has had for `$1`.
pub(super) const FORGET: &str = "DELETE FROM webhook.secret WHERE last_configured_ms < now_ms - $1";

/// Lists the secrets.
pub(super) const LIST: &str = "
    SELECT endpoint, label, fingerprint, last_configured_ms, last_used_ms FROM webhook.secret
    ORDER BY endpoint, label, fingerprint";

/// Secrets by columns.
#[derive(Default)]
struct Names<'n> {
    endpoint: Vec<&'n str>,
    label: Vec<&'n str>,
    fingerprint: Vec<&'n str>,
}

impl<'n> FromIterator<&'n CameBy> for Names<'n> {
    fn from_iter<I: IntoIterator<Item = &'n CameBy>>(secrets: I) -> Self {
        let mut names = Self::default();
        for CameBy { endpoint, secret } in secrets {
            names.endpoint.push(endpoint);
            names.label.push(&secret.label);
            names.fingerprint.push(&secret.fingerprint);
        }
        names
    }
}

/// The uses of secrets that one transaction notes, each once.
pub(super) struct Uses<'u> {
    uses: Vec<&'u CameBy>,
    names: Names<'u>,
    every: i64,
}

impl<'u> Uses<'u> {
    pub(super) fn of(all: impl IntoIterator<Item = &'u CameBy>) -> Self {
        let mut uses: Vec<&CameBy> = Vec::new();
        for came_by in all {
            if !uses.contains(&came_by) {
                uses.push(came_by);
            }
        }
        let names = uses.iter().copied().collect();
        Self { uses, names, every: millis(SECRET_USE_NOTED_EVERY) }
    }

    /// Notes them: the last statement of the transaction that stores what they signed, so that it holds the secrets' rows as
    /// briefly as possible. `None` if there are none.
    pub(super) fn statement(&self) -> Option<Statement<'_>> {
        let Names { endpoint, label, fingerprint } = &self.names;
        let note = || Statement::new(NOTE_USE, &[endpoint, label, fingerprint, &self.every]);
        (!self.uses.is_empty()).then(note)
    }

    /// Remembers what the statement answered, once it is committed. `now` is by the clock of `noted`.
    pub(super) fn committed(&self, rows: &[Row], noted: &NotedUses, now: i64) -> Result<(), Problem> {
        for row in rows {
            let (nth, ago): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let came_by = usize::try_from(nth - 1).ok().and_then(|place| self.uses.get(place));
            if let Some(came_by) = came_by {
                noted.committed(came_by, now.saturating_sub(ago));
            }
        }
        Ok(())
    }
}

/// Notes that this instance is configured with these secrets.
pub(super) async fn note_configured(db: &Connection, configured: &[CameBy]) -> Result<(), Problem> {
    let Names { endpoint, label, fingerprint } = configured.iter().collect();
    db.execute(NOTE_CONFIGURED, &[&endpoint, &label, &fingerprint]).await?;
    Ok(())
}

/// Deletes the secrets that no instance has had for [`SECRET_KEPT`].
pub(super) async fn forget(db: &Connection) -> Result<(), Problem> {
    db.execute(FORGET, &[&millis(SECRET_KEPT)]).await?;
    Ok(())
}

/// Reads a row of [`LIST`].
pub(super) fn secret_row(row: &Row) -> Result<SecretRow, Problem> {
    Ok(SecretRow {
        endpoint: row.try_get(0)?,
        secret: row.try_get(1)?,
        fingerprint: row.try_get(2)?,
        last_configured_ms: row.try_get(3)?,
        last_used_ms: row.try_get(4)?,
    })
}
