//! Keeping verified bodies that are not events.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::flush::{Statement, transaction};
use super::problem::Problem;
use super::secrets::Uses;
use crate::store::CameBy;
use crate::store::noted_uses::NotedUses;

/// Keeps a body (`$3`) with its digest (`$1`) and the reason (`$2`), and returns how often it has been delivered.
pub(super) const QUARANTINE: &str = "
    INSERT INTO webhook.quarantine AS q (sha256, received_ms, reason, body) VALUES ($1, now_ms, $2, $3)
    ON CONFLICT (sha256) DO UPDATE SET deliveries = q.deliveries + 1 RETURNING deliveries";

/// Keeps a verified body that is not an event. Returns whether it is new. `now` is by the clock of `noted`.
pub(super) async fn quarantine(
    db: &Connection,
    body: &[u8],
    reason: &str,
    came_by: &CameBy,
    noted: &NotedUses,
    now: i64,
) -> Result<bool, Problem> {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let (digest, reason) = (&digest[..], without_nul(reason));
    let uses = Uses::of([came_by]);
    let mut statements = vec![Statement::new(QUARANTINE, &[&digest, &reason, &body])];
    statements.extend(uses.statement());
    let rows = transaction(db, &statements).await?;
    let [kept, used] = &rows[..] else { return Ok(false) };
    uses.committed(used, noted, now)?;
    let deliveries: Option<i64> = kept.first().map(|row| row.try_get(0)).transpose()?;
    Ok(deliveries == Some(1))
}

/// A text as the database can keep it: it has no NUL.
pub(super) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}
