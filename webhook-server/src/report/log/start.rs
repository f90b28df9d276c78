//! The log's lines about what was left by other processes.

use tracing::{error, info, warn};

use crate::store::{HandlerStats, InboxLocation, Recovered};

/// Logs the start: where the inbox is, what was recovered, and what an operator should know.
pub(super) fn log_recovered(location: &InboxLocation, recovered: &Recovered, missing: &[HandlerStats]) {
    match location {
        InboxLocation::Memory => {
            warn!("the inbox is kept in memory: its contents are lost when this process ends");
        }
        InboxLocation::File(path) => {
            let shown = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            info!(path = %shown.display(), interrupted = recovered.suspects, resumed = recovered.resumed, "inbox");
        }
        InboxLocation::Postgres(_) => {
            info!(
                database = location.shown(),
                interrupted = recovered.suspects,
                resumed = recovered.resumed,
                "inbox"
            );
        }
    }
    if recovered.poisoned > 0 {
        error!(
            tasks = recovered.poisoned,
            "tasks parked: they ended the process (see `inbox list --why poison`)"
        );
    }
    for HandlerStats { handler, tasks, .. } in missing {
        error!(
            handler,
            tasks,
            "tasks parked: this program has no such handler; if it was renamed, give the new one this id \
             (`id = \"…\"`), and they go on with the next start"
        );
    }
}

/// Logs what was taken over from dead instances.
pub(super) fn log_taken_over(recovered: &Recovered) {
    let Recovered { suspects, poisoned, without_handler, resumed } = *recovered;
    info!(suspects, poisoned, without_handler, resumed, "took over the tasks of dead instances");
}
