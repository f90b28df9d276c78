//! Conversions to and from the time of the crate `chrono`.

use super::{Timestamp, TimestampOutOfRange};

impl Timestamp {
    /// Converts to chrono's time; `None` if that cannot hold it (it ends with the year 262142).
    pub fn to_chrono(self) -> Option<::chrono::DateTime<::chrono::Utc>> {
        ::chrono::DateTime::from_timestamp(self.0, 0)
    }
}

impl TryFrom<Timestamp> for ::chrono::DateTime<::chrono::Utc> {
    type Error = TimestampOutOfRange;

    fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
        timestamp.to_chrono().ok_or_else(|| timestamp.out_of_range())
    }
}

impl<Z: ::chrono::TimeZone> From<::chrono::DateTime<Z>> for Timestamp {
    fn from(time: ::chrono::DateTime<Z>) -> Self {
        Self(time.timestamp())
    }
}
