//! Lending the CPU to threads that wait for it.
//!
//! On a busy machine, they are about to send more jobs, or to take their answers. On an idle one, nothing waits for the CPU,
//! and lending it takes no time. Where other threads compute without a pause, it takes milliseconds and brings nothing:
//! then the CPU is kept for a while.

use std::time::{Duration, Instant};

/// From which time on lending the CPU was too long, if it brought nothing.
const TOO_LONG: Duration = Duration::from_millis(1);

/// How long the CPU is kept after that.
const KEPT: Duration = Duration::from_millis(100);

/// The CPU that the writer's thread runs on.
#[derive(Debug, Default)]
pub(super) struct Cpu {
    kept_until: Option<Instant>,
}

impl Cpu {
    /// Lends the CPU, unless it is kept, and returns what `look` finds then: whether that brought something.
    pub(super) fn lend(&mut self, look: impl FnOnce() -> bool) -> bool {
        let began = Instant::now();
        if self.kept_until.is_some_and(|until| began < until) {
            return look();
        }
        std::thread::yield_now();
        let brought = look();
        self.kept_until = (!brought && began.elapsed() > TOO_LONG).then(|| Instant::now() + KEPT);
        brought
    }
}
