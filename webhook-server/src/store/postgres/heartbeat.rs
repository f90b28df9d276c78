//! Showing that this instance is alive, and then looking after what others have left.

use tracing::warn;

use super::Postgres;
use super::connection::{CALL_LIMIT, Connection};
use super::recover::{look_after, renew};
use crate::report::format::chain;
use crate::store::{Heartbeat, Recovered, StoreError};

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
