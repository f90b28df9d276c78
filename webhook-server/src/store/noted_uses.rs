//! Which uses of secrets were noted lately, so that busy secrets cost no more than rare ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::millis;
use super::{CameBy, SECRET_USE_NOTED_EVERY};

/// The last uses of secrets that this process has noted and committed. While one is recent, an arrival need not ask the
/// database.
#[derive(Debug, Default)]
pub(super) struct NotedUses(Mutex<HashMap<[Arc<str>; 3], i64>>);

impl NotedUses {
    /// Whether the secret's last use was noted so recently that this one is not.
    pub(super) fn is_recent(&self, came_by: &CameBy, now: i64) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = noted.get(&key(came_by));
        last.is_some_and(|last| (*last..last.saturating_add(millis(SECRET_USE_NOTED_EVERY))).contains(&now))
    }

    /// Remembers what was noted, once it is committed.
    pub(super) fn committed(&self, came_by: &CameBy, noted_at: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key(came_by), noted_at);
    }
}

/// What a secret's row belongs to.
fn key(came_by: &CameBy) -> [Arc<str>; 3] {
    let CameBy { endpoint, secret } = came_by;
    [endpoint, &secret.label, &secret.fingerprint].map(Arc::clone)
}
