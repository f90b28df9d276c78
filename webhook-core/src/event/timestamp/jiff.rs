//! Conversions to and from the time of the crate `jiff`.

use super::{Timestamp, TimestampOutOfRange};

impl Timestamp {
    /// Converts to jiff's time; `None` if that cannot hold it (it ends with the year 9999).
    pub fn to_jiff(self) -> Option<::jiff::Timestamp> {
        ::jiff::Timestamp::from_second(self.0).ok()
    }
}

impl TryFrom<Timestamp> for ::jiff::Timestamp {
    type Error = TimestampOutOfRange;

    fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
        timestamp.to_jiff().ok_or_else(|| timestamp.out_of_range())
    }
}

impl From<::jiff::Timestamp> for Timestamp {
    fn from(time: ::jiff::Timestamp) -> Self {
        // Its own seconds are rounded towards 1970.
        Self(time.as_second() - i64::from(time.subsec_nanosecond() < 0))
    }
}
