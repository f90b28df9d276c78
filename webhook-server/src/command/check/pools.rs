//! Asks the pools of handlers' transactions what a start would ask them.

use std::sync::Arc;

use crate::problems::Problems;
use crate::run::transaction;
use crate::server::Parts;
use crate::store::{self, InboxLocation, Opening};

/// Checks the pools, if handlers take transactions and the inbox is there already, and notes what is wrong.
pub(super) async fn check(parts: &Parts, has_inbox: bool, problems: &mut Problems) {
    let takes_any = parts.registry.transactions().next().is_some();
    if !has_inbox || !takes_any || !matches!(parts.settings.inbox, InboxLocation::Postgres(_)) {
        return;
    }
    let opening = Opening { migrates: false, serves: false, ..parts.settings.opening() };
    // A database that went away meanwhile is none of the pools' problems.
    let Ok(store) = store::open(&parts.settings.inbox, &opening) else { return };
    let (registry, states) = (Arc::clone(&parts.registry), Arc::clone(&parts.runner.states));
    let found = transaction::check_pools(registry, states, store).await;
    found.into_iter().for_each(|problem| problems.add(problem));
}
