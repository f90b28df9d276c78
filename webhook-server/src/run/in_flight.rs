//! Counts what has begun and must end before the server does.

use tokio::sync::watch;

/// Counts what is in flight: claimed tasks whose end is not stored yet, open connections, requests that are not
/// answered yet.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(watch::Sender<usize>);

impl Default for InFlight {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InFlight {
    /// Counts one more, until the guard is dropped.
    pub(crate) fn one(&self) -> InFlightGuard {
        self.0.send_modify(|count| *count += 1);
        InFlightGuard(self.0.clone())
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn none(&self) {
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Counts as one in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard(watch::Sender<usize>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
