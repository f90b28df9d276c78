//! Looks that read much while an old transaction keeps dead rows: each takes only a small share of the time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a look may be repeated.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

/// A look that is under way. It counts even if its caller stops waiting.
struct Taking<'p> {
    pace: &'p Pace,
    began: Instant,
    share: u32,
    least: Duration,
}

impl Pace {
    /// Whether it is time for the next look.
    pub(super) fn is_due(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|next| next <= Instant::now())
    }

    /// Takes a look. The next one is due after `share` times as long as this one takes, and not before `least`.
    pub(super) async fn take<T>(&self, share: u32, least: Duration, look: impl Future<Output = T>) -> T {
        let _taking = Taking { pace: self, began: Instant::now(), share, least };
        look.await
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        let pause = (self.began.elapsed() * self.share).max(self.least);
        *self.pace.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    /// A look that took a moment may be repeated at once; one that took long, or was given up, may not.
    #[tokio::test]
    async fn what_takes_long_is_done_seldom() {
        let pace = Pace::default();
        assert!(pace.is_due());
        pace.take(0, Duration::ZERO, async {}).await;
        assert!(pace.is_due());
        pace.take(0, Duration::from_secs(3_600), async {}).await;
        assert!(!pace.is_due());
        let pace = Pace::default();
        let given_up =
            tokio::time::timeout(SHORT, pace.take(1_000_000, Duration::ZERO, std::future::pending::<()>()));
        assert!(given_up.await.is_err());
        assert!(!pace.is_due());
    }
}
