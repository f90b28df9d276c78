//! JSON that nobody has looked into yet.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::json::Ends;
use crate::{DecodeError, Json};

/// A JSON value as Stripe sent it, to the byte: a slice of the verified body, which it keeps alive.
#[derive(Clone)]
pub struct RawJson {
    bytes: Bytes,
    /// Found when the value is first looked into.
    ends: OnceLock<Ends>,
}

impl RawJson {
    /// `bytes` must be a complete JSON value in UTF-8; [`Envelope::parse`](crate::Envelope::parse) has seen to it.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, ends: OnceLock::new() }
    }

    /// Returns the text as it was sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the value, to be read field by field.
    ///
    /// # Panics
    ///
    /// Never: the text was checked to be UTF-8 when it was received.
    pub fn json(&self) -> Json<'_> {
        let text = self.text();
        Json::with_ends(text, self.ends.get_or_init(|| Ends::of(text)))
    }

    /// Returns the value, of which little is to be read.
    pub(crate) fn json_in_passing(&self) -> Json<'_> {
        Json::new(self.text())
    }

    fn text(&self) -> &str {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            unreachable!("an envelope is UTF-8 throughout")
        };
        text
    }

    /// Decodes into any deserialisable type, unchecked against Stripe's schema.
    ///
    /// # Errors
    ///
    /// Names the place where the value does not fit `T`, and nothing of the value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        serde_path_to_error::deserialize(&mut json).map_err(|error| DecodeError::unfit::<T>(&error))
    }
}

/// Shows the size: the content is a customer's data.
impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.bytes.len())
    }
}
