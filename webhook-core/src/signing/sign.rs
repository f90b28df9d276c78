//! Signing, for tests and for tools that send events.

use std::fmt::Write;

use bytes::Bytes;

use crate::Secret;

/// Signs a body as Stripe does, and returns the value of the `Stripe-Signature` header.
///
/// The header has one `v1` for each secret, as Stripe sends it while an endpoint's secret is being rolled. `timestamp` is
/// in seconds since the Unix epoch.
///
/// ```
/// use webhook_core::{Secret, sign};
///
/// let secret = Secret::new("whsec_test_secret").unwrap();
/// assert_eq!(
///     sign(&[secret], 1_700_000_000, b"{}"),
///     "t=1700000000,v1=ceb8863f7208fa249a6cd8f951e993c7563412aca65866f6272283debe143ab3",
/// );
/// ```
pub fn sign(secrets: &[Secret], timestamp: u64, body: &[u8]) -> String {
    let timestamp = timestamp.to_string();
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        let mac = Bytes::copy_from_slice(&secret.mac(timestamp.as_bytes(), body));
        // Writing to a `String` cannot fail.
        let _ = write!(header, ",v1={mac:x}");
    }
    header
}
