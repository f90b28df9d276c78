//! Requests whose signature is too old or from the future, by its own account.
//!
//! They are refused before their bodies are read, all but a few: only what is authentic tells whether a clock is wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many of them are read and verified all the same, in a second.
const VERIFIED: u32 = 5;

/// The ones that were verified in the second that runs.
#[derive(Debug, Default)]
pub(crate) struct Untimely(Mutex<Option<(Instant, u32)>>);

impl Untimely {
    /// Whether the next one is to be verified.
    pub(crate) fn is_worth_a_look(&self) -> bool {
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
        let untimely = Untimely::default();
        for _ in 0..3 {
            assert_eq!((0..100).filter(|_| untimely.is_worth_a_look()).count(), VERIFIED as usize);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}
