//! How long a new connection waits while the server is working on a request of every other one.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long the first one waits. Senders that are refused come back minutes or hours later, so a burst should be taken.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tells a burst, for which the server makes connections wait, from an overload, in which waiting would only make the queue
/// longer: there has been too little room for half a second, and never enough for as long.
#[derive(Debug, Default)]
pub(super) struct Overload {
    began: Option<Instant>,
    /// When there was too little room last.
    last: Option<Instant>,
}

impl Overload {
    /// Waits for room, unless there is an overload.
    pub(super) async fn wait<T>(&mut self, room: impl Future<Output = T>) -> Option<T> {
        let now = Instant::now();
        let goes_on = self.last.is_some_and(|last| now - last < PATIENCE);
        let began = self.began.filter(|_| goes_on).unwrap_or(now);
        (self.began, self.last) = (Some(began), Some(now));
        if self.lasts() {
            return None;
        }
        let found = tokio::time::timeout_at(began + PATIENCE, room).await.ok();
        self.last = Some(Instant::now());
        found
    }

    /// Whether there is an overload.
    pub(super) fn lasts(&self) -> bool {
        let (Some(began), Some(last)) = (self.began, self.last) else { return false };
        last - began >= PATIENCE && last.elapsed() < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_waits_and_an_overload_does_not() {
        let mut overload = Overload::default();
        // A burst gets what it waits for.
        for _ in 0..9 {
            let room = tokio::time::sleep(PATIENCE / 10);
            assert!(overload.wait(room).await.is_some() && !overload.lasts());
        }
        // When it does not end, it is an overload.
        let began = Instant::now();
        assert!(overload.wait(pending::<()>()).await.is_none() && overload.lasts());
        assert!(began.elapsed() < PATIENCE / 5);
        for _ in 0..100 {
            tokio::time::advance(PATIENCE / 2).await;
            let began = Instant::now();
            assert!(overload.wait(ready(())).await.is_none() && overload.lasts());
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
        // It ends when there has been room for long enough.
        tokio::time::advance(PATIENCE).await;
        assert!(!overload.lasts());
        assert!(overload.wait(ready(())).await.is_some() && !overload.lasts());
    }
}
