//! Counts what has begun and must end before the server does.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what is in flight: claimed tasks whose end is not stored yet, open connections, requests that are not
/// answered yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    count: AtomicUsize,
    /// Notified when the count becomes 0.
    none: Notify,
}

impl InFlight {
    /// Counts one more, until the guard is dropped.
    pub(crate) fn one(&self) -> InFlightGuard {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        InFlightGuard(Arc::clone(&self.0))
    }

    /// How many are in flight.
    pub(crate) fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn none(&self) {
        loop {
            let mut none = pin!(self.0.none.notified());
            // What ends after the count was read must wake this.
            none.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            none.await;
        }
    }
}

/// Counts as one in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard(Arc<Count>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn it_waits_for_the_last() {
        let in_flight = InFlight::default();
        in_flight.none().await;
        let (first, last) = (in_flight.one(), in_flight.one());
        let mut none = pin!(in_flight.none());
        let mut is_none =
            async || poll_fn(|context| Poll::Ready(none.as_mut().poll(context).is_ready())).await;
        assert!(!is_none().await);
        drop(first);
        assert!(!is_none().await);
        drop(last);
        assert!(is_none().await);
    }
}
