//! Verification: the only way to a [`Verified`] body, and the only place that compares signatures.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;

use crate::{Secret, SignatureHeader};

/// Verifies that a body was signed with one of the secrets, and recently.
///
/// Every `v1` of the header is compared with the signature under every secret, in constant time and without an early
/// exit. The signature is checked before the time, so an operator who sees "too old" knows that the signature is right.
///
/// `header` is the request's only `Stripe-Signature` header. `body` is the request's exact body, before anything decodes
/// or parses it. `now` is the caller's clock.
///
/// # Errors
///
/// Reports the first problem, in this order: no secret, no match, a time outside the tolerance.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use webhook_core::{Secret, SignatureHeader, Tolerance, sign, verify};
///
/// let secrets = [Secret::new("whsec_test_secret").unwrap()];
/// let text = sign(&secrets, 1_700_000_000, b"{}");
/// let header = SignatureHeader::parse(text.as_bytes()).unwrap();
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_010);
///
/// let verified = verify(&secrets, &header, "{}", now, Tolerance::default()).unwrap();
/// assert_eq!(&verified.body()[..], b"{}");
/// ```
pub fn verify(
    secrets: &[Secret],
    header: &SignatureHeader<'_>,
    body: impl Into<Bytes>,
    now: SystemTime,
    tolerance: Tolerance,
) -> Result<Verified, VerifyError> {
    if secrets.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    let body = body.into();
    let Some(secret) = matching(secrets, header, &body) else {
        return Err(VerifyError::Mismatch { signatures: header.signatures().len(), secrets: secrets.len() });
    };
    tolerance.judge(header.timestamp(), now)?;
    Ok(Verified { body, signed_at: header.timestamp(), secret })
}

/// Returns the index of the first secret that a signature matches, in the same time whichever it is.
fn matching(secrets: &[Secret], header: &SignatureHeader<'_>, body: &[u8]) -> Option<usize> {
    let (mut matched, mut first) = (Choice::from(0), 0_u64);
    for (index, secret) in (0..).zip(secrets) {
        let expected = secret.mac(header.timestamp_text(), body);
        for signature in header.signatures() {
            let matches = signature.ct_eq(&expected);
            first.conditional_assign(&index, matches & !matched);
            matched |= matches;
        }
    }
    bool::from(matched).then(|| usize::try_from(first).ok()).flatten()
}

/// A body whose signature was verified. Only [`verify`] makes one, so a function that takes it cannot receive an
/// unverified body.
#[derive(Clone)]
pub struct Verified {
    body: Bytes,
    signed_at: u64,
    secret: usize,
}

impl Verified {
    /// Returns the exact body that was signed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns when Stripe signed it, in seconds since the Unix epoch.
    pub fn signed_at(&self) -> u64 {
        self.signed_at
    }

    /// Returns which secret signed it, as its index among those that [`verify`] was given. If several did, it is the first.
    pub fn secret(&self) -> usize {
        self.secret
    }
}

/// Shows the size of the body; the content is personal data.
impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("body_bytes", &self.body.len())
            .field("signed_at", &self.signed_at)
            .finish()
    }
}

/// How far a signature's time may be from now, in the past or the future.
///
/// The default is 300 seconds each way: for the past, this is Stripe's own default; for the future, several of Stripe's
/// libraries accept any time. A time exactly that far away is accepted. A tolerance of 0 means three different things in
/// those libraries, so it cannot be expressed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    past: Option<NonZeroU64>,
    future: Option<NonZeroU64>,
}

const STRIPES_TOLERANCE: NonZeroU64 = NonZeroU64::new(300).expect("300 is not 0");

impl Tolerance {
    /// Accepts every time. Use it to replay recorded deliveries. A server that uses it accepts replays from anyone.
    pub const DISABLED: Self = Self { past: None, future: None };

    /// Accepts signatures that are at most this many seconds old, or ahead of this machine's clock.
    pub const fn seconds(past: NonZeroU64, future: NonZeroU64) -> Self {
        Self { past: Some(past), future: Some(future) }
    }

    /// Tells whether a signature of this time, in seconds since the Unix epoch, can be verified now.
    ///
    /// Use it on a header before the body is read. The time is not authenticated until [`verify`] succeeds.
    pub fn admits(self, signed_at: u64, now: SystemTime) -> bool {
        self.judge(signed_at, now).is_ok()
    }

    fn judge(self, signed_at: u64, now: SystemTime) -> Result<(), VerifyError> {
        // A clock before 1970 counts as 1970: the signature is then far in the future, and refused.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let (age, ahead) = (now.saturating_sub(signed_at), signed_at.saturating_sub(now));
        match (self.past, self.future) {
            (Some(tolerance), _) if age > tolerance.get() => {
                Err(VerifyError::TooOld { age, tolerance: tolerance.get() })
            }
            (_, Some(tolerance)) if ahead > tolerance.get() => {
                Err(VerifyError::InFuture { ahead, tolerance: tolerance.get() })
            }
            _ => Ok(()),
        }
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::seconds(STRIPES_TOLERANCE, STRIPES_TOLERANCE)
    }
}

/// Why a body was not verified. Never contains a signature, a secret or any of the body.
///
/// It is meant for the operator. A sender must not see it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature is right, but its time is further in the future than the tolerance allows.
    #[error(
        "the signature is authentic but {ahead} s ahead of this machine's clock, and {tolerance} s are allowed: \
         the clock here runs behind"
    )]
    InFuture {
        /// How far ahead, in seconds.
        ahead: u64,
        /// How far it may be, in seconds.
        tolerance: u64,
    },
    /// No signature matches under any secret.
    #[error(
        "none of the {signatures} signature(s) matches under any of the {secrets} secret(s): \
         is this the secret of this very endpoint and mode, and did the body arrive unchanged?"
    )]
    Mismatch {
        /// The number of well-formed `v1`.
        signatures: usize,
        /// The number of secrets that were tried.
        secrets: usize,
    },
    /// There is no secret to verify with.
    #[error("there is no secret to verify with")]
    NoSecret,
    /// The signature is right, but older than the tolerance allows.
    #[error(
        "the signature is authentic but {age} s old, and {tolerance} s are allowed: \
         the clock here runs ahead, or someone replays an old delivery"
    )]
    TooOld {
        /// How old, in seconds.
        age: u64,
        /// How old it may be, in seconds.
        tolerance: u64,
    },
}
