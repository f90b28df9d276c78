//! What one instance does for all, once in a while.

use std::time::Duration;

use super::connection::Connection;
use super::problem::Problem;
use crate::store::clock::millis;

/// Takes the turn of doing `$1`, if it is time. The next one is `$2` later; one that is farther ahead was taken by a clock that
/// was wrong.
const TAKE: &str = "
    INSERT INTO webhook.chore AS c (name, until_ms) VALUES ($1, now_ms + $2)
    ON CONFLICT (name) DO UPDATE SET until_ms = now_ms + $2 WHERE c.until_ms <= now_ms OR c.until_ms > now_ms + $2 RETURNING name";

/// Whether this instance is to do something now that one of them does `every` so often.
pub(super) async fn take_turn(db: &Connection, what: &str, every: Duration) -> Result<bool, Problem> {
    Ok(!db.query(TAKE, &[&what, &millis(every)]).await?.is_empty())
}
