//! Limits how many calls of Stripe's API start per second, and how many are in progress at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// A bucket of tokens, of which each call takes one, and slots for the calls at work.
///
/// The bucket holds a fifth of what may begin in a second, so that a few calls need not wait for each other.
#[derive(Debug)]
pub(super) struct Pace {
    slots: Semaphore,
    /// The time in which the bucket gets one token.
    interval: Duration,
    /// The time in which an empty bucket gets all tokens but one.
    fills_in: Duration,
    /// When the bucket will be full.
    full: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(calls_a_second: u32, calls_at_once: u32) -> Self {
        let interval = Duration::from_secs(1) / calls_a_second.max(1);
        Self {
            slots: Semaphore::new(calls_at_once.max(1) as usize),
            interval,
            fills_in: interval * (calls_a_second / 5).saturating_sub(1),
            full: Mutex::default(),
        }
    }

    /// Waits until a call may begin. It is at work until the slot is dropped.
    ///
    /// Cancel safety: a token may be lost.
    pub(super) async fn start(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        let slot = self.slots.acquire().await.ok();
        sleep_until(self.take_token(Instant::now())).await;
        slot
    }

    /// Takes a token, and returns when it is there.
    fn take_token(&self, now: Instant) -> Instant {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full.map_or(now, |full| full.max(now));
        *full = Some(before + self.interval);
        before.checked_sub(self.fills_in).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_begin_as_fast_as_is_allowed_and_a_few_at_once() {
        let pace = Pace::new(25, 16);
        let since = Instant::now();
        let mut begun = Vec::new();
        for _ in 0..30 {
            drop(pace.start().await);
            begun.push(since.elapsed().as_millis());
        }
        assert_eq!(begun[..7], [0, 0, 0, 0, 0, 40, 80], "a fifth of them at once");
        assert_eq!(begun[29], 1000, "25 a second after those");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let since = Instant::now();
        for _ in 0..6 {
            drop(pace.start().await);
        }
        assert_eq!(since.elapsed().as_millis(), 40, "the bucket does not hold more after a pause");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_calls_are_at_work_at_once() {
        let pace = Pace::new(100, 2);
        let first = pace.start().await;
        let _second = pace.start().await;
        let third = pace.start();
        tokio::pin!(third);
        let waited = tokio::time::timeout(Duration::from_secs(3600), &mut third).await;
        assert!(waited.is_err(), "there is no slot");
        drop(first);
        assert!(third.await.is_some());
    }
}
