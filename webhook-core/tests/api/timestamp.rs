//! Points in time, up to the limits of the platform.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use webhook_core::Timestamp;

#[test]
fn seconds_become_system_time_and_text() {
    for (seconds, expected) in [
        (0, UNIX_EPOCH),
        (1_700_000_000, UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        (-1, UNIX_EPOCH - Duration::from_secs(1)),
        (253_402_300_799, UNIX_EPOCH + Duration::from_secs(253_402_300_799)),
    ] {
        let timestamp = Timestamp::from_unix_seconds(seconds);
        assert_eq!(timestamp.to_system_time(), Some(expected));
        assert_eq!(timestamp.unix_seconds(), seconds);
        assert_eq!(timestamp.to_string(), seconds.to_string());
    }
}

#[test]
fn the_ends_of_the_range_do_not_panic() {
    for seconds in [i64::MIN, i64::MIN + 1, i64::MAX] {
        let time: Option<SystemTime> = Timestamp::from_unix_seconds(seconds).to_system_time();
        // What the platform can hold is its own business; that the two agree is not.
        if let Some(time) = time {
            let distance = time.duration_since(UNIX_EPOCH).unwrap_or_else(|error| error.duration());
            assert_eq!(distance.as_secs(), seconds.unsigned_abs());
        }
    }
}

#[test]
fn timestamps_are_ordered_by_time_and_formatted_as_numbers_are() {
    let of = Timestamp::from_unix_seconds;
    assert!(of(-5) < of(0) && of(0) < of(5));
    assert_eq!(format!("{:>6}|{:<4}|", of(42), of(7)), "    42|7   |");
}
