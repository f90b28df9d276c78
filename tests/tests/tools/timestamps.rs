//! A timestamp in the types of the crates that programs keep their times in.

use chrono::{DateTime, FixedOffset, Utc};
use time::OffsetDateTime;
use webhook_server::{Timestamp, TimestampOutOfRange};

/// The seconds, and what they are in words.
const TIMES: [(i64, &str); 4] = [
    (0, "1970-01-01T00:00:00Z"),
    (1_700_000_000, "2023-11-14T22:13:20Z"),
    (-1, "1969-12-31T23:59:59Z"),
    (253_402_207_200, "9999-12-30T22:00:00Z"),
];

#[test]
fn a_timestamp_becomes_the_same_time_elsewhere_and_comes_back() {
    for (seconds, words) in TIMES {
        let timestamp = Timestamp::from_unix_seconds(seconds);
        let chrono = DateTime::<Utc>::try_from(timestamp).expect("it is in range");
        assert_eq!(format!("{chrono:?}"), words);
        assert_eq!((timestamp.to_chrono(), Timestamp::from(chrono)), (Some(chrono), timestamp));
        let jiff = jiff::Timestamp::try_from(timestamp).expect("it is in range");
        assert_eq!(jiff.to_string(), words);
        assert_eq!((timestamp.to_jiff(), Timestamp::from(jiff)), (Some(jiff), timestamp));
        let time = OffsetDateTime::try_from(timestamp).expect("it is in range");
        assert_eq!(time.unix_timestamp(), seconds);
        assert_eq!((timestamp.to_time(), Timestamp::from(time)), (Some(time), timestamp));
    }
}

#[test]
fn a_part_of_a_second_is_dropped_also_before_1970() {
    for (nanoseconds, seconds) in [
        (1_500_000_000, 1),
        (999_999_999, 0),
        (-1, -1),
        (-500_000_000, -1),
        (-1_000_000_000, -1),
        (-1_000_000_001, -2),
    ] {
        let expected = Timestamp::from_unix_seconds(seconds);
        let chrono = DateTime::<Utc>::from_timestamp_nanos(nanoseconds);
        assert_eq!(Timestamp::from(chrono), expected, "chrono, {nanoseconds}");
        let jiff = jiff::Timestamp::from_nanosecond(nanoseconds.into()).expect("it is in range");
        assert_eq!(Timestamp::from(jiff), expected, "jiff, {nanoseconds}");
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into()).expect("it is in range");
        assert_eq!(Timestamp::from(time), expected, "time, {nanoseconds}");
    }
}

#[test]
fn a_place_on_earth_changes_no_time() {
    let east = FixedOffset::east_opt(2 * 60 * 60).expect("there is such a place");
    let there = DateTime::<Utc>::UNIX_EPOCH.with_timezone(&east);
    assert_eq!(Timestamp::from(there), Timestamp::from_unix_seconds(0));
}

#[test]
fn what_another_type_cannot_hold_is_an_error_that_says_so() {
    for seconds in [i64::MIN, i64::MAX] {
        let timestamp = Timestamp::from_unix_seconds(seconds);
        let refused: [TimestampOutOfRange; 3] = [
            DateTime::<Utc>::try_from(timestamp).expect_err("it ends before"),
            jiff::Timestamp::try_from(timestamp).expect_err("it ends before"),
            OffsetDateTime::try_from(timestamp).expect_err("it ends before"),
        ];
        for refused in refused {
            assert_eq!(refused.seconds, seconds);
            assert!(refused.to_string().contains(&seconds.to_string()), "{refused}");
        }
        assert!(
            timestamp.to_chrono().is_none() && timestamp.to_jiff().is_none() && timestamp.to_time().is_none()
        );
    }
}
