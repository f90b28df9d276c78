//! JSON that has not been parsed yet.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::json::Ends;
use crate::{DecodeError, Json};

/// A JSON value exactly as Stripe sent it: a slice of the verified body, which it keeps alive.
#[derive(Clone)]
pub struct RawJson {
    bytes: Bytes,
    /// Computed when the value is first read.
    ends: OnceLock<Ends>,
}

impl RawJson {
    /// `bytes` must be a complete JSON value in UTF-8; [`Envelope::parse`](crate::Envelope::parse) checks that.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, ends: OnceLock::new() }
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
        let text = self.text();
        Json::with_ends(text, self.ends.get_or_init(|| Ends::of(text)))
    }

    /// Returns the value, for reading only a little of it.
    pub(crate) fn json_in_passing(&self) -> Json<'_> {
        Json::new(self.text())
    }

    fn text(&self) -> &str {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            unreachable!("an envelope is UTF-8 throughout")
        };
        text
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
