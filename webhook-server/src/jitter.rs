//! Random parts of pauses, so that those who wait for the same thing do not come back together.

use std::time::Duration;

/// From 0 up to 1. Without a source of randomness, the middle.
pub(crate) fn random() -> f64 {
    getrandom::u32().map_or(0.5, |word| f64::from(word) / (f64::from(u32::MAX) + 1.0))
}

/// From three quarters of a pause to five quarters.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + random() / 2.)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_as_long_as_it_says_on_the_average() {
        let pauses: Vec<f64> = (0..1000).map(|_| jittered(Duration::from_secs(4)).as_secs_f64()).collect();
        assert!(pauses.iter().all(|pause| (3.0..=5.0).contains(pause)), "{pauses:?}");
        let mean = pauses.iter().sum::<f64>() / 1000.;
        assert!((3.8..4.2).contains(&mean), "{mean}");
    }
}
