//! Checking a signature by hand.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The signing secret of all programs.
pub const SECRET: &str = "whsec_product_test_0123456789abcdef";

/// The HMAC with its key, which is prepared once.
static KEYED: LazyLock<Hmac<Sha256>> =
    LazyLock::new(|| Hmac::new_from_slice(SECRET.as_bytes()).expect("any length will do"));

/// Whether a `Stripe-Signature` header signs the body, at a time at most five minutes from now.
pub fn is_signed(header: &str, body: &[u8]) -> bool {
    let parts = || header.split(',').filter_map(|part| part.split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    if !time.parse().is_ok_and(|time: u64| time.abs_diff(now) <= 300) {
        return false;
    }
    let mut hmac = KEYED.clone();
    hmac.update(time.as_bytes());
    hmac.update(b".");
    hmac.update(body);
    let digest = hmac.finalize().into_bytes();
    parts().any(|(name, hex)| {
        name == "v1" && digest_of(hex).is_some_and(|given| digest[..].ct_eq(&given).into())
    })
}

/// Reads 64 hexadecimal digits.
fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let pairs = hex.as_bytes().chunks_exact(2);
    if hex.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(digest)
}
