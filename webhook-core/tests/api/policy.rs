//! When a failed run is tried again.

use std::time::Duration;

use proptest::prelude::*;
use webhook_core::{Order, OrderMode, Policy, Retry};

/// The middle of the spread: the mean itself.
const MIDDLE: f64 = 0.5;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn retry(first_delay: Duration, max_delay: Duration) -> Retry {
    Retry { attempts: 20, first_delay, max_delay }
}

/// Floating point may miss the mean by a little.
fn assert_close(delay: Duration, expected: Duration) {
    let difference = delay.abs_diff(expected);
    assert!(difference <= Duration::from_micros(1), "{delay:?} is not {expected:?}");
}

#[test]
fn the_default_is_twenty_serial_runs() {
    let default = Policy {
        timeout: None,
        retry: Retry { attempts: 20, first_delay: seconds(5), max_delay: seconds(6 * 3600) },
        order: Order { mode: OrderMode::Serial, per: None, group: None },
        replies: false,
    };
    assert_eq!(Policy::DEFAULT, default);
    assert_eq!(OrderMode::default(), OrderMode::Serial);
    assert_eq!((Retry::SHORTEST, Retry::LONGEST), (seconds(1), seconds(24 * 3600)));
}

#[test]
fn the_mean_delay_triples_up_to_the_longest() {
    let expected = [5, 15, 45, 135, 405, 1215, 3645, 10_935, 21_600, 21_600, 21_600];
    for (attempt, mean) in (1..).zip(expected) {
        assert_close(Retry::DEFAULT.delay(attempt, MIDDLE), seconds(mean));
    }
}

#[test]
fn twenty_runs_take_about_three_days() {
    let whole: Duration =
        (1..Retry::DEFAULT.attempts).map(|attempt| Retry::DEFAULT.delay(attempt, MIDDLE)).sum();
    assert!((seconds(66 * 3600)..seconds(78 * 3600)).contains(&whole), "{whole:?}");
}

#[test]
fn a_delay_is_spread_over_half_to_one_and_a_half_of_its_mean() {
    let constant = retry(seconds(100), seconds(100));
    for (random, expected) in [(0.0, 50), (0.25, 75), (0.5, 100), (0.75, 125), (1.0, 150)] {
        assert_close(constant.delay(1, random), seconds(expected));
    }
}

#[test]
fn a_random_number_out_of_range_does_no_harm() {
    let constant = retry(seconds(100), seconds(100));
    let table = [
        (f64::NAN, 100),
        (f64::INFINITY, 100),
        (f64::NEG_INFINITY, 100),
        (-1.0, 50),
        (-0.0, 50),
        (2.0, 150),
        (f64::MAX, 150),
        (f64::MIN_POSITIVE, 50),
    ];
    for (random, expected) in table {
        assert_close(constant.delay(1, random), seconds(expected));
    }
}

#[test]
fn no_delay_is_shorter_than_a_second_or_longer_than_a_day() {
    for (first, cap, random, expected) in [
        (Duration::ZERO, seconds(60), 1.0, Retry::SHORTEST),
        (Duration::from_millis(1), seconds(60), MIDDLE, Retry::SHORTEST),
        // Half of a second is spread below the shortest.
        (seconds(1), seconds(1), 0.0, Retry::SHORTEST),
        (seconds(60), Duration::ZERO, MIDDLE, Retry::SHORTEST),
        (seconds(24 * 3600), seconds(24 * 3600), 1.0, Retry::LONGEST),
        (seconds(48 * 3600), seconds(48 * 3600), MIDDLE, Retry::LONGEST),
        (Duration::MAX, Duration::MAX, 1.0, Retry::LONGEST),
    ] {
        assert_close(retry(first, cap).delay(1, random), expected);
    }
}

#[test]
fn every_number_of_a_run_has_a_delay() {
    // 3^20 is the last power that a `u32` holds.
    for attempt in [20, 21, 22, 1000, u32::MAX] {
        assert_close(Retry::DEFAULT.delay(attempt, MIDDLE), Retry::DEFAULT.max_delay);
        assert_close(retry(Duration::MAX, Duration::MAX).delay(attempt, MIDDLE), Retry::LONGEST);
        assert_close(retry(Duration::ZERO, seconds(60)).delay(attempt, MIDDLE), Retry::SHORTEST);
    }
    assert_eq!(
        Retry::DEFAULT.delay(0, MIDDLE),
        Retry::DEFAULT.delay(1, MIDDLE),
        "there is no run before the first"
    );
}

/// The promise in another arithmetic: whole milliseconds, one tripling at a time.
fn mean_ms(first: u64, cap: u64, attempt: u32) -> u64 {
    (1..attempt).fold(first, |mean, _| mean.saturating_mul(3).min(cap)).min(cap).min(24 * 3_600_000)
}

proptest! {
    #[test]
    fn a_delay_is_what_the_model_says(
        first in 1_u64..=86_400_000,
        cap in 1_u64..=86_400_000,
        attempt in 1_u32..60,
        random in 0.0_f64..1.0,
    ) {
        let delay = retry(Duration::from_millis(first), Duration::from_millis(cap)).delay(attempt, random);
        let mean = Duration::from_millis(mean_ms(first, cap, attempt));
        let (low, high) = (mean / 2, mean + mean / 2);
        let slack = Duration::from_millis(1);
        prop_assert!(delay + slack >= low.clamp(Retry::SHORTEST, Retry::LONGEST), "{delay:?} of {mean:?}");
        prop_assert!(delay <= high.clamp(Retry::SHORTEST, Retry::LONGEST) + slack, "{delay:?} of {mean:?}");
    }

    #[test]
    fn no_input_panics_or_leaves_the_bounds(
        first in any::<Duration>(),
        cap in any::<Duration>(),
        attempt in any::<u32>(),
        random in any::<f64>(),
    ) {
        let delay = retry(first, cap).delay(attempt, random);
        prop_assert!((Retry::SHORTEST..=Retry::LONGEST).contains(&delay), "{delay:?}");
    }

    #[test]
    fn delays_do_not_shrink(
        first in 1_u64..=86_400,
        cap in 1_u64..=86_400,
        attempt in 1_u32..40,
        random in 0.0_f64..1.0,
    ) {
        let retry = retry(seconds(first), seconds(cap));
        prop_assert!(retry.delay(attempt, random) <= retry.delay(attempt + 1, random));
    }
}
