//! Finding tasks that are blocked in free lanes.
//!
//! That happens only if an instance or its connection ended between a commit and the look that follows it. For a moment it
//! is so after every commit that frees a lane: only what stays so is forgotten. So an instance looks twice.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::connection::Connection;
use super::lanes::{is_free, promote_in};
use super::pace::Pace;
use super::problem::Problem;
use super::turns::take_turn;

/// The blocked tasks of lanes in which none runs or is about to.
macro_rules! blocked_in_free_lanes {
    () => {
        concat!("webhook.task x WHERE x.state = 2 AND ", is_free!())
    };
}

/// The first of each lane: in a lane that is only free for a moment, it is another one at the next look.
const LOOK: &str = concat!(
    "SELECT DISTINCT ON (x.scope, x.lane) x.id FROM ",
    blocked_in_free_lanes!(),
    " ORDER BY x.scope, x.lane, x.moment, x.event_seq, x.id"
);

/// Promotes in the lanes of those that were found before (`$1`).
const PROMOTE: &str = promote_in!(concat!(
    "SELECT DISTINCT x.scope, x.lane, x.strict FROM ",
    blocked_in_free_lanes!(),
    " AND x.id = ANY ($1)"
));

/// What an instance found at its last look.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    found: Mutex<Vec<i64>>,
    pace: Pace,
}

impl Sweep {
    /// Makes tasks ready that were found at the last look and are still blocked in free lanes, and returns how many there
    /// were. If nothing was found then, looks, if no instance has done that for so long, and this one not for `share` times as
    /// long as it took.
    pub(super) async fn go_on(&self, db: &Connection, every: Duration, share: u32) -> Result<u64, Problem> {
        let found = std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        if !found.is_empty() {
            return db.execute(PROMOTE, &[&found]).await;
        }
        if self.pace.is_due() && take_turn(db, "sweep", every).await? {
            let rows = self.pace.take(share, Duration::ZERO, db.query(LOOK, &[])).await?;
            let found = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        Ok(0)
    }
}
