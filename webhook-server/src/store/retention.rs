//! Keeping what must be kept, and no longer.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::{Pruned, Retention, StoreError};
use crate::receive::record::Inbox;

/// How often the whole inbox is gone through.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Between two steps.
const PAUSE: Duration = Duration::from_millis(100);

impl Inbox {
    /// Frees what has been kept long enough, when the first event has come and every hour from then on, until it is
    /// dropped. Before that, nothing is: a clock that is years ahead would make everything look old.
    pub(crate) async fn retain(self: Arc<Self>, keep: Retention) {
        let _ = self.clock_is_right.subscribe().wait_for(|is_right| *is_right).await;
        loop {
            match self.prune(&keep, PAUSE).await {
                Ok(freed) if freed != Pruned::default() => {
                    info!(bodies = freed.bodies, events = freed.events, "kept long enough, and freed");
                    if freed.parked > 0 {
                        warn!(
                            events = freed.parked,
                            "events were deleted that had been parked all that time"
                        );
                    }
                }
                Ok(_) => {}
                Err(error) => warn!(%error, "the inbox could not be pruned"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Goes through the whole inbox once, in steps.
    pub(crate) async fn prune(&self, keep: &Retention, pause: Duration) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        let mut cursor = 0;
        loop {
            let step = self.store.prune(*keep, cursor).await?;
            all.bodies += step.bodies;
            all.events += step.events;
            all.parked += step.parked;
            all.quarantined += step.quarantined;
            let Some(next) = step.next else { return Ok(all) };
            cursor = next;
            tokio::time::sleep(pause).await;
        }
    }
}
