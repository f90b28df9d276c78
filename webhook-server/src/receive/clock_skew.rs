//! Requests whose signature's own timestamp is outside the tolerance.
//!
//! All but a few are refused before their bodies are read. The few are verified, since only an authentic request shows
//! that a clock is wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many of them are verified per second.
const VERIFIED: u32 = 5;

/// Counts the ones that were verified in the current second.
#[derive(Debug, Default)]
pub(crate) struct ClockSkew(Mutex<Option<(Instant, u32)>>);

impl ClockSkew {
    /// Whether the next one is verified.
    pub(crate) fn verifies_next(&self) -> bool {
        let (mut second, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        match &mut *second {
            Some((began, count)) if now - *began < Duration::from_secs(1) => {
                *count += 1;
                *count <= VERIFIED
            }
            _ => {
                *second = Some((now, 1));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_a_second_are_verified() {
        let clock_skew = ClockSkew::default();
        for _ in 0..3 {
            assert_eq!((0..100).filter(|_| clock_skew.verifies_next()).count(), VERIFIED as usize);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}
