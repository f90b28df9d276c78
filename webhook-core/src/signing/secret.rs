//! The signing secret of an endpoint.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// The signing secret of a Stripe endpoint.
///
/// The signature's key is the *whole* text including `whsec_`, as bytes; nothing is decoded.
/// (<https://docs.stripe.com/webhooks/signature>)
///
/// Only the key schedule is kept, not the text, and it is wiped on drop. A secret cannot be printed, compared or
/// serialised. The caller remains responsible for wiping the source text.
///
/// ```
/// use webhook_core::Secret;
///
/// let secret = Secret::new("whsec_test_secret").unwrap();
/// assert_eq!(format!("{secret:?}"), "Secret(redacted)");
/// assert!(Secret::new("whsec_test_secret\n").is_err());
/// ```
#[derive(Clone)]
pub struct Secret {
    keyed: Hmac<Sha256>,
}

impl Secret {
    /// Takes the secret as the Stripe Dashboard, the API or `stripe listen` shows it.
    ///
    /// # Errors
    ///
    /// Fails if the text cannot be a secret: if it is empty or blank, or contains anything but visible ASCII. Otherwise a
    /// line break left over from a file or an environment variable would make every signature mismatch.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.chars().all(char::is_whitespace) {
            return Err(SecretError::Blank);
        }
        if text.trim() != text {
            return Err(SecretError::SurroundingWhitespace);
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(SecretError::NotVisibleAscii { at });
        }
        let Ok(keyed) = Hmac::new_from_slice(text.as_bytes()) else {
            unreachable!("HMAC takes a key of any length (RFC 2104, section 2)")
        };
        Ok(Self { keyed })
    }

    /// Computes the `v1` signature: HMAC-SHA256 over the text of `t`, a dot, and the body.
    pub(crate) fn mac(&self, timestamp: &[u8], body: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(timestamp);
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Why a text cannot be a signing secret. Never contains the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is white space only.
    #[error("the secret is blank: it is only white space")]
    Blank,
    /// The text is empty.
    #[error("the secret is empty")]
    Empty,
    /// There is a byte that a secret cannot contain.
    #[error(
        "the secret contains something other than visible ASCII at byte {at}: was it copied whole, without quotes?"
    )]
    NotVisibleAscii {
        /// The position, from 0.
        at: usize,
    },
    /// There is white space before or after the text.
    #[error(
        "the secret begins or ends with white space, often a line break from a file or an .env line: \
         every signature would mismatch, so remove it"
    )]
    SurroundingWhitespace,
}
