//! JSON that has not been parsed yet.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::json::{Ends, check};
use crate::{DecodeError, Json};

/// A JSON value exactly as Stripe sent it: a slice of the verified body, which it keeps alive.
#[derive(Clone)]
pub struct RawJson {
    bytes: Bytes,
    ends: Ends,
}

impl RawJson {
    /// Takes one JSON value. `text` and `bytes` are the same.
    ///
    /// # Errors
    ///
    /// Fails if it is not JSON: returns the position of the first byte that does not fit.
    pub(crate) fn checked(text: &str, bytes: Bytes) -> Result<Self, usize> {
        check(text).map(|ends| Self { bytes, ends })
    }

    /// Takes a part of this value.
    pub(crate) fn part(&self, part: Json<'_>) -> Self {
        let bytes = self.bytes.slice_ref(part.as_str().as_bytes());
        let start = self.position_of(&bytes);
        Self { ends: self.ends.inside(start..start + bytes.len()), bytes }
    }

    /// Returns the text as it was sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the value, for reading it field by field.
    ///
    /// # Panics
    ///
    /// Never panics: the text was checked to be UTF-8 when it was received.
    pub fn json(&self) -> Json<'_> {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            unreachable!("an envelope is UTF-8 throughout")
        };
        Json::of_raw(text, self)
    }

    /// Returns the length of the object or array at the beginning of `rest`, which is the rest of this text. `None` if it
    /// is nested too deeply to be read.
    pub(super) fn length_of_what_begins(&self, rest: &[u8]) -> Option<usize> {
        let start = self.position_of(rest);
        self.ends.of_what_begins_at(start).map(|end| end - start)
    }

    /// The position of a part.
    fn position_of(&self, part: &[u8]) -> usize {
        part.as_ptr().addr() - self.bytes.as_ptr().addr()
    }

    /// Decodes into any deserialisable type, which is not checked against Stripe's schema.
    ///
    /// # Errors
    ///
    /// Fails if the value does not fit `T`. The error names the place, and nothing of the value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        serde_path_to_error::deserialize(&mut json).map_err(|error| DecodeError::unfit::<T>(&error))
    }
}

/// Shows the size; the content is personal data.
impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.bytes.len())
    }
}
