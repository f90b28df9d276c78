//! Recovering the tasks of former processes: later, if the inbox is away at the start; and reporting what was recovered.

use std::time::Duration;

use tracing::error;

use super::{InboxParts, Server};
use crate::jitter::jittered;
use crate::report::Fact;
use crate::report::format::chain;
use crate::store::{ParkReason, Recovered, StoreError};

/// How often recovery is tried while the disk is full or the database is away.
const RECOVERY_PAUSE: Duration = Duration::from_secs(1);

impl Server {
    /// Recovers when the inbox can be written again, and starts the background work. Returns only an error.
    pub(super) async fn keep_trying_to_recover(&self, is_recovered: bool) -> StoreError {
        if !is_recovered {
            let (mut pause, mut told) = (RECOVERY_PAUSE, String::new());
            loop {
                tokio::time::sleep(jittered(pause)).await;
                pause = RECOVERY_PAUSE;
                match self.recover().await {
                    Ok(true) => break self.start_background_work(),
                    Ok(false) => {}
                    // It was away at the start. A person may mend it while this server answers 503.
                    Err(error @ StoreError::Unusable(_)) => {
                        let lease = self.inbox.as_ref().and_then(|inbox| inbox.worker.store.lease());
                        pause = lease.map_or(RECOVERY_PAUSE, |lease| lease.renew_every * 2);
                        let problem = chain(&error);
                        if problem != told {
                            error!(problem, "nothing is accepted until the database is mended");
                            told = problem;
                        }
                    }
                    Err(error) => return error,
                }
            }
        }
        std::future::pending().await
    }

    /// Reports what was recovered, and which handlers are missing, with the number of their parked tasks.
    pub(super) async fn report_recovered(&self, inbox: &InboxParts, recovered: &Recovered) {
        let mut missing = Vec::new();
        if recovered.without_handler > 0 {
            let stats = inbox.worker.store.stats().await.unwrap_or_default();
            missing = stats.handlers;
            missing.retain(|row| row.why == Some(ParkReason::NoHandler));
        }
        self.parts.report.note(&Fact::Recovered {
            location: &self.parts.settings.inbox,
            recovered,
            missing: &missing,
        });
    }
}
