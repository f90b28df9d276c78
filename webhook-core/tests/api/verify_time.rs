//! When a correct signature is accepted.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use webhook_core::Tolerance;
use webhook_core::VerifyError::{self, InFuture, TooOld};
use webhook_core::sign;

use crate::support::{NOW, P1, Refused, SECRET, at, receive, secret};

fn tolerance(past: u64, future: u64) -> Tolerance {
    Tolerance::seconds(NonZeroU64::new(past).unwrap(), NonZeroU64::new(future).unwrap())
}

fn judged(signed_at: u64, now: SystemTime, tolerance: Tolerance) -> Result<(), VerifyError> {
    let header = sign(&[secret(SECRET)], signed_at, P1);
    receive(&[SECRET], header.as_bytes(), P1, now, tolerance).map(|_| ()).map_err(|refused| match refused {
        Refused::Verify(error) => error,
        Refused::Header(error) => panic!("the header of `sign` does not parse: {error}"),
    })
}

#[test]
fn a_time_within_the_tolerance_is_accepted_on_both_sides() {
    let (old, ahead) = (
        |age, tolerance| Err(TooOld { age, tolerance }),
        |ahead, tolerance| Err(InFuture { ahead, tolerance }),
    );
    let default = Tolerance::default();
    for (name, offset, tolerance, expected) in [
        ("now", 0, default, Ok(())),
        ("age exactly 300", 300, default, Ok(())),
        ("age 301", 301, default, old(301, 300)),
        ("a year old", 31_536_000, default, old(31_536_000, 300)),
        ("300 ahead", -300, default, Ok(())),
        ("301 ahead", -301, default, ahead(301, 300)),
        ("an hour ahead", -3600, default, ahead(3600, 300)),
        ("10 years ahead, which four libraries accept", -315_360_000, default, ahead(315_360_000, 300)),
        ("the smallest tolerance, in it", 1, tolerance(1, 1), Ok(())),
        ("the smallest tolerance, past it", 2, tolerance(1, 1), old(2, 1)),
        ("the smallest tolerance, ahead", -2, tolerance(1, 1), ahead(2, 1)),
        ("the two sides are set apart: past", 50, tolerance(100, 10), Ok(())),
        ("the two sides are set apart: future", -50, tolerance(100, 10), ahead(50, 10)),
        ("the two sides are set apart: future wide", -50, tolerance(10, 100), Ok(())),
        ("the two sides are set apart: past narrow", 50, tolerance(10, 100), old(50, 10)),
        ("off: a year old", 31_536_000, Tolerance::DISABLED, Ok(())),
        ("off: 10 years ahead", -315_360_000, Tolerance::DISABLED, Ok(())),
        ("all there is", 1_700_000_000, tolerance(u64::MAX, u64::MAX), Ok(())),
    ] {
        let now = at(NOW.checked_add_signed(offset).unwrap());
        assert_eq!(judged(NOW, now, tolerance), expected, "{name}");
        assert_eq!(tolerance.admits(NOW, now), expected.is_ok(), "{name}, before the body is read");
    }
}

#[test]
fn the_default_is_stripes_on_both_sides() {
    assert_eq!(Tolerance::default(), tolerance(300, 300));
}

#[test]
fn clocks_at_the_ends_of_time_are_judged_without_overflow() {
    let before_1970 = UNIX_EPOCH - Duration::from_secs(1_000_000);
    let last = 9_999_999_999_999_999_999;
    let year_2106 = 1 << 32;
    for (name, signed_at, now, expected) in [
        ("a clock before 1970", NOW, before_1970, Err(InFuture { ahead: NOW, tolerance: 300 })),
        ("signed at the epoch, judged then", 0, UNIX_EPOCH, Ok(())),
        ("signed at the epoch, judged now", 0, at(NOW), Err(TooOld { age: NOW, tolerance: 300 })),
        ("the largest t", last, at(NOW), Err(InFuture { ahead: last - NOW, tolerance: 300 })),
        ("after 2038", 1 << 31, at((1 << 31) + 10), Ok(())),
        ("after 2106", year_2106, at(year_2106 + 300), Ok(())),
        ("after 2106, too old", year_2106, at(year_2106 + 301), Err(TooOld { age: 301, tolerance: 300 })),
    ] {
        assert_eq!(judged(signed_at, now, Tolerance::default()), expected, "{name}");
    }
    assert_eq!(judged(last, before_1970, Tolerance::DISABLED), Ok(()));
}

#[test]
fn parts_of_a_second_do_not_count() {
    let nearly = Duration::from_nanos(999_999_999);
    assert_eq!(judged(NOW, at(NOW + 300) + nearly, Tolerance::default()), Ok(()));
    assert_eq!(judged(NOW, at(NOW - 300) + nearly, Tolerance::default()), Ok(()));
}

#[test]
fn a_time_that_is_refused_says_by_how_much_and_which_way() {
    assert_eq!(
        judged(NOW, at(NOW - 3600), Tolerance::default()).unwrap_err().to_string(),
        "the signature is authentic but 3600 s ahead of this machine's clock, and 300 s are allowed: \
         the clock here runs behind"
    );
    assert_eq!(
        judged(NOW, at(NOW + 301), Tolerance::default()).unwrap_err().to_string(),
        "the signature is authentic but 301 s old, and 300 s are allowed: \
         the clock here runs ahead, or someone replays an old delivery"
    );
}
