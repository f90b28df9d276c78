//! Conversions to and from the time of the crate `time`.

use super::{Timestamp, TimestampOutOfRange};

impl Timestamp {
    /// Converts to time's time; `None` if that cannot hold it (it ends with the year 9999).
    pub fn to_time(self) -> Option<::time::OffsetDateTime> {
        ::time::OffsetDateTime::from_unix_timestamp(self.0).ok()
    }
}

impl TryFrom<Timestamp> for ::time::OffsetDateTime {
    type Error = TimestampOutOfRange;

    fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
        timestamp.to_time().ok_or_else(|| timestamp.out_of_range())
    }
}

impl From<::time::OffsetDateTime> for Timestamp {
    fn from(time: ::time::OffsetDateTime) -> Self {
        Self(time.unix_timestamp())
    }
}
