//! The `Stripe-Signature` header, parsed.

use std::fmt;

use thiserror::Error;

/// The name of the header, in the lower case that HTTP libraries use.
pub const SIGNATURE_HEADER: &str = "stripe-signature";

/// The maximum number of `v1` signatures in a header. Stripe sends one for each active secret of the endpoint.
pub const MAX_SIGNATURES: usize = 16;

/// The maximum number of digits of `t`, so that the number always fits.
const MAX_TIMESTAMP_DIGITS: usize = 19;

/// A parsed `Stripe-Signature` header: `t=1700000000,v1=4f1c…,v0=…`.
///
/// Source of the grammar: <https://docs.stripe.com/webhooks/signature>. Items are separated by commas, with
/// or without white space around them. Only `t` and `v1` count. Every other scheme is ignored, which prevents downgrade
/// attacks (`v0` is a deliberately false signature on test events). An item without a value and a `v1` that is not 64
/// hexadecimal digits are ignored as well, because they cannot match.
#[derive(Clone)]
pub struct SignatureHeader<'h> {
    timestamp_text: &'h [u8],
    timestamp: u64,
    signatures: [[u8; 32]; MAX_SIGNATURES],
    count: usize,
}

impl<'h> SignatureHeader<'h> {
    /// Parses the header's value.
    ///
    /// # Errors
    ///
    /// Fails unless the header has exactly one `t` of 1 to 19 ASCII digits and 1 to [`MAX_SIGNATURES`] well-formed `v1`,
    /// and consists of visible ASCII, spaces and tabs.
    pub fn parse(value: &'h [u8]) -> Result<Self, SignatureHeaderError> {
        if value.trim_ascii().is_empty() {
            return Err(SignatureHeaderError::Empty);
        }
        if !value.iter().all(|&byte| byte.is_ascii_graphic() || is_blank(byte)) {
            return Err(SignatureHeaderError::NotVisibleAscii);
        }

        let mut timestamp_text = None;
        let mut signatures = [[0; 32]; MAX_SIGNATURES];
        let (mut count, mut malformed) = (0, 0);
        for item in value.split(|&byte| byte == b',') {
            let mut parts = item.splitn(2, |&byte| byte == b'=');
            let (Some(scheme), Some(text)) = (parts.next(), parts.next()) else {
                continue;
            };
            match (scheme.trim_ascii(), text.trim_ascii()) {
                (b"t", _) if timestamp_text.is_some() => return Err(SignatureHeaderError::RepeatedTimestamp),
                (b"t", text) => timestamp_text = Some(text),
                (b"v1", _) if count + malformed == MAX_SIGNATURES => {
                    return Err(SignatureHeaderError::TooManySignatures);
                }
                (b"v1", text) => match decode_hex(text) {
                    Some(signature) => {
                        signatures[count] = signature;
                        count += 1;
                    }
                    None => malformed += 1,
                },
                _ => {}
            }
        }

        let timestamp_text = timestamp_text.ok_or(SignatureHeaderError::MissingTimestamp)?;
        let timestamp = parse_timestamp(timestamp_text).ok_or(SignatureHeaderError::MalformedTimestamp)?;
        match (count, malformed) {
            (0, 0) => Err(SignatureHeaderError::MissingSignature),
            (0, _) => Err(SignatureHeaderError::MalformedSignature),
            _ => Ok(Self { timestamp_text, timestamp, signatures, count }),
        }
    }

    /// Returns when Stripe claims to have signed, in seconds since the Unix epoch.
    ///
    /// The claim is not authenticated until [`verify`](crate::verify) succeeds.
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The text of `t`. The signature covers these bytes, not the number that they spell.
    pub(crate) fn timestamp_text(&self) -> &'h [u8] {
        self.timestamp_text
    }

    pub(crate) fn signatures(&self) -> &[[u8; 32]] {
        &self.signatures[..self.count]
    }
}

/// Shows the time and the number of signatures, not the signatures: within the tolerance, a valid one can be replayed.
impl fmt::Debug for SignatureHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureHeader")
            .field("timestamp", &self.timestamp)
            .field("signatures", &self.count)
            .finish()
    }
}

/// Why a text is not a usable `Stripe-Signature` header. Never contains the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureHeaderError {
    /// The text is empty, or white space only.
    #[error("the signature header is empty")]
    Empty,
    /// There are `v1` items, but none has 64 hexadecimal digits.
    #[error("no `v1` in the signature header has 64 hexadecimal digits")]
    MalformedSignature,
    /// The text of `t` is not 1 to 19 ASCII digits.
    #[error("`t` in the signature header is not a number of 1 to 19 digits")]
    MalformedTimestamp,
    /// There is no `v1`, the only scheme that counts.
    #[error("the signature header has no `v1`")]
    MissingSignature,
    /// There is no `t`.
    #[error("the signature header has no `t`")]
    MissingTimestamp,
    /// There is a control character, or a byte above 0x7e.
    #[error("the signature header contains something other than visible ASCII")]
    NotVisibleAscii,
    /// There is more than one `t`. Parsers differ in which one they take, so none is trusted.
    #[error("the signature header has more than one `t`")]
    RepeatedTimestamp,
    /// There are more `v1` than [`MAX_SIGNATURES`].
    #[error("the signature header has more than {MAX_SIGNATURES} `v1`")]
    TooManySignatures,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn parse_timestamp(text: &[u8]) -> Option<u64> {
    if !(1..=MAX_TIMESTAMP_DIGITS).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })
}

/// Reads 64 hexadecimal digits. Stripe sends lower case; upper case is read too, as in Stripe's Go library.
fn decode_hex(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| Some(char::from(byte).to_digit(16)? as u8);
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? * 16 + digit(pair[1])?;
    }
    Some(bytes)
}
