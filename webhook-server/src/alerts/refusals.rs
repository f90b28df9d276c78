//! Whether the inbox stores what arrives.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::StoreError;

/// What the inbox has refused since it stored something.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    since: Option<Instant>,
    /// How many there were since the last alert.
    count: u64,
}

impl Refusals {
    /// Notes that something was stored.
    pub(super) fn stored(&mut self) {
        *self = Self::default();
    }

    /// Notes a refusal. Returns how many there were if there is an alert to give: at once if a person must do something, and
    /// after `limit` if it may pass by itself.
    pub(super) fn refused(&mut self, error: &StoreError, limit: Duration) -> Option<u64> {
        self.count += 1;
        let lasting = self.since.get_or_insert_with(Instant::now).elapsed();
        let may_pass = matches!(error, StoreError::Away(_) | StoreError::Busy | StoreError::Slow(_));
        (!may_pass || lasting > limit).then(|| std::mem::take(&mut self.count))
    }
}
