//! A store's clock on this machine.
//!
//! A store compares due times only with its own clock. A test moves a [`ManualClock`]; the conformance tests let the clock
//! follow the runtime's, which they pause.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since the Unix epoch, and never goes back.
#[derive(Clone)]
pub(crate) struct StoreClock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl StoreClock {
    /// Starts at the system's time, or at `floor` if the system's clock is behind, and follows the monotonic clock from
    /// there: when the system's clock is set, no due time moves.
    pub(crate) fn system(floor: i64) -> Self {
        let (wall, monotonic) = (SystemTime::now(), Instant::now());
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let start = i64::try_from(wall).unwrap_or(i64::MAX / 2).max(floor);
        Self(Arc::new(move || start.saturating_add(millis(monotonic.elapsed()))))
    }

    /// Makes a clock that shows what a manual clock shows.
    pub(crate) fn manual(clock: &ManualClock) -> Self {
        let now = Arc::clone(&clock.0);
        Self(Arc::new(move || now.load(Ordering::SeqCst)))
    }

    /// A clock that follows the runtime's, which a test may pause.
    #[cfg(test)]
    pub(crate) fn of_tokio() -> Self {
        let start = tokio::time::Instant::now();
        Self(Arc::new(move || 1_700_000_000_000 + millis(start.elapsed())))
    }

    /// Returns the present time, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreClock({})", self.now())
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone, Debug)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Starts it at a time, in milliseconds since the Unix epoch.
    pub(crate) fn new(now: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now)))
    }

    /// Moves it forward.
    pub(crate) fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Moves it forward to a time, in milliseconds since the Unix epoch; does nothing if that time has passed.
    pub(crate) fn advance_to(&self, now: i64) {
        self.0.fetch_max(now, Ordering::SeqCst);
    }

    /// Returns the time that it shows, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A duration in whole milliseconds, rounded up: a task may be late, never early.
pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
