//! Retention: frees what was kept long enough, step by step.
//!
//! The store decides what may be deleted ([`Store::prune`]); this decides when. Between two steps there is a pause, so that
//! arrivals and ends of runs are written without delay.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::{Pruned, Retention, Store, StoreError};
use crate::report::format::chain;

/// The time from the end of one pruning to the next.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(100);

/// Prunes the inbox when the first event has been verified and every hour from then on; never returns.
///
/// Before that nothing is pruned: a clock that is years ahead would make everything look old.
pub(crate) async fn retain(
    store: Arc<dyn Store>,
    keep: Retention,
    mut clock_is_right: watch::Receiver<bool>,
) {
    let _ = clock_is_right.wait_for(|is_right| *is_right).await;
    loop {
        match prune(&*store, keep, PAUSE).await {
            Ok(freed) if freed != Pruned::default() => {
                info!(bodies = freed.bodies, events = freed.events, "retention: freed old bodies and events");
                if freed.parked > 0 {
                    warn!(
                        events = freed.parked,
                        "retention: deleted events that stayed parked until their time was up"
                    );
                }
            }
            Ok(_) => {}
            Err(error) => warn!(error = chain(&error), "retention: the inbox could not be pruned"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Prunes the whole inbox once, and returns what was freed in all.
///
/// # Errors
///
/// Stops at the first step that fails. What was freed before stays freed.
pub(crate) async fn prune(store: &dyn Store, keep: Retention, pause: Duration) -> Result<Pruned, StoreError> {
    let mut all = Pruned::default();
    let mut cursor = 0;
    loop {
        let step = store.prune(keep, cursor).await?;
        all.bodies += step.bodies;
        all.events += step.events;
        all.parked += step.parked;
        all.quarantined += step.quarantined;
        let Some(next) = step.next else { return Ok(all) };
        cursor = next;
        tokio::time::sleep(pause).await;
    }
}
