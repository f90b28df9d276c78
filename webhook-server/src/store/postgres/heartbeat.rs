//! Showing that this instance is alive, and then looking after what others have left.

use std::time::Duration;

use tracing::warn;

use super::Postgres;
use super::alarms::Alarm;
use super::connection::{CALL_LIMIT, Connection};
use super::low_water::LowWater;
use super::missing_handlers;
use super::pace::Pace;
use super::problem::Problem;
use super::recover::{release_forgotten, renew, take_over};
use super::session::{Session, Timing};
use super::sweep::Sweep;
use crate::report::format::chain;
use crate::store::{Heartbeat, Recovered, StoreError};

/// How often to look for what is due before the marks.
const BEHIND_EVERY: Duration = Duration::from_secs(60);

/// What an instance looks for besides.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// For what it runs without knowing it.
    unknown: Pace,
    /// For what instances have left that have no row any more.
    pub(super) left_over: Pace,
    /// For what is due before the marks.
    behind: Pace,
    pub(super) sweep: Sweep,
}

/// Renews the lease. It is renewed whatever becomes of the rest: an instance that is alive does not lose its tasks because a
/// lock or a large backlog holds up what it does for others.
pub(super) async fn heartbeat(store: &Postgres) -> Result<Heartbeat, StoreError> {
    let Postgres { session, timing, settled, looks, alarms, upkeep, tasks, .. } = store;
    let renewing = async |db: &Connection| renew(db, session, timing, settled).await;
    let Some(has_settled) = upkeep.call(CALL_LIMIT, renewing).await? else { return Ok(Heartbeat::Lost) };
    let looking_after = async |db: &Connection| {
        let recovered = look_after(db, session, timing, has_settled, looks, tasks.low_water()).await?;
        alarms.look_around(db).await;
        Ok(recovered)
    };
    let recovered = upkeep.call(CALL_LIMIT.min(timing.lease / 6), looking_after).await;
    Ok(Heartbeat::Renewed(recovered.unwrap_or_else(|problem| {
        warn!(problem = chain(&problem), "what this instance does for others is put off");
        Recovered::default()
    })))
}

/// Finds what was forgotten, and takes over from instances that have died, if this one has settled.
pub(super) async fn look_after(
    db: &Connection,
    session: &Session,
    timing: &Timing,
    has_settled: bool,
    looks: &Looks,
    low_water: &LowWater,
) -> Result<Recovered, Problem> {
    let share = timing.look_share;
    if looks.unknown.is_due() {
        looks.unknown.take(share, Duration::ZERO, release_forgotten(db, session)).await?;
    }
    if looks.behind.is_due() {
        looks.behind.take(share, BEHIND_EVERY, low_water.look_back(db)).await?;
    }
    let forgotten = looks.sweep.go_on(db, timing.lease / 2, share).await?;
    if forgotten > 0 {
        Alarm::Forgotten(forgotten).raise(db).await?;
    }
    if !has_settled {
        return Ok(Recovered::default());
    }
    let taken = take_over(db, session, timing, looks).await?;
    let of_handlers = missing_handlers::at_heartbeat(db, timing).await?;
    Ok(Recovered { suspects: taken.suspects, poisoned: taken.poisoned, ..of_handlers })
}
