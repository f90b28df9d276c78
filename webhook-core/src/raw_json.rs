//! JSON that nobody has looked into yet.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{DecodeError, Json};

/// A JSON value as Stripe sent it, to the byte: a slice of the verified body, which it keeps alive.
#[derive(Clone)]
pub struct RawJson(Bytes);

impl RawJson {
    /// `bytes` must be a complete JSON value in UTF-8; [`Envelope::parse`](crate::Envelope::parse) has seen to it.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Returns the text as it was sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the value, to be read field by field.
    ///
    /// # Panics
    ///
    /// Never: the text was checked to be UTF-8 when it was received.
    pub fn json(&self) -> Json<'_> {
        let Ok(text) = std::str::from_utf8(&self.0) else { unreachable!("an envelope is UTF-8 throughout") };
        Json::new(text)
    }

    /// Decodes into any deserialisable type, unchecked against Stripe's schema.
    ///
    /// # Errors
    ///
    /// Names the place where the value does not fit `T`, and nothing of the value.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let mut json = serde_json::Deserializer::from_slice(&self.0);
        serde_path_to_error::deserialize(&mut json).map_err(|error| DecodeError::unfit::<T>(&error))
    }
}

/// Shows the size: the content is a customer's data.
impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.0.len())
    }
}
