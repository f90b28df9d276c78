//! `verify` accepts what `sign` writes, and nothing that differs from it by one bit.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use webhook_core::{SignatureHeader, Tolerance, VerifyError, sign};

use crate::support::{Refused, at, receive, secret, v1};

/// All texts that [`webhook_core::Secret::new`] takes.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["whsec_[A-Za-z0-9+/=]{0,90}", "[!-~]{1,200}"]
}

/// All times that the header's grammar holds.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0..=9_999_999_999_999_999_999_u64, 0..=4_000_000_000_u64]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

fn flip(bytes: &mut [u8], bit: Index) {
    let bit = bit.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

fn mismatch<T>(result: Result<T, Refused>) -> bool {
    matches!(result, Err(Refused::Verify(VerifyError::Mismatch { .. })))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sign_writes_what_an_independent_hmac_gives(keys in vec(key(), 0..4), time: u64, body in body()) {
        let secrets: Vec<_> = keys.iter().map(|key| secret(key)).collect();
        let expected = keys.iter().map(|key| format!(",v1={}", v1(key, &time.to_string(), &body)));
        prop_assert_eq!(sign(&secrets, time, &body), format!("t={time}{}", expected.collect::<String>()));
    }

    #[test]
    fn what_was_signed_verifies_under_each_of_the_secrets(
        keys in vec(key(), 1..5), which: Index, time in time(), body in body(),
    ) {
        let secrets: Vec<_> = keys.iter().map(|key| secret(key)).collect();
        let text = sign(&secrets, time, &body);
        prop_assert_eq!(SignatureHeader::parse(text.as_bytes()).unwrap().timestamp(), time);
        let one = which.get(&keys).as_str();
        let verified = receive(&[one], text.as_bytes(), &body, at(0), Tolerance::DISABLED).unwrap();
        prop_assert_eq!((&verified.body()[..], verified.signed_at()), (&body[..], time));
    }

    #[test]
    fn a_flipped_bit_of_the_body_does_not_match(key in key(), time in time(), mut body in vec(any::<u8>(), 1..600), bit: Index) {
        let text = sign(&[secret(&key)], time, &body);
        flip(&mut body, bit);
        prop_assert!(mismatch(receive(&[&key], text.as_bytes(), &body, at(time.min(1 << 40)), Tolerance::DISABLED)));
    }

    #[test]
    fn a_flipped_bit_of_the_signature_does_not_match(key in key(), time in time(), body in body(), bit: Index) {
        let text = v1(&key, &time.to_string(), &body);
        let digits = (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap());
        let mut signature: Vec<u8> = digits.collect();
        flip(&mut signature, bit);
        let header = format!("t={time},v1={}", crate::support::hex(&signature));
        prop_assert!(mismatch(receive(&[&key], header.as_bytes(), &body, at(0), Tolerance::DISABLED)));
    }

    #[test]
    fn another_time_or_secret_does_not_match(key in key(), other in key(), time in time(), later in time(), body in body()) {
        let signature = v1(&key, &time.to_string(), &body);
        if time != later {
            let header = format!("t={later},v1={signature}");
            prop_assert!(mismatch(receive(&[&key], header.as_bytes(), &body, at(0), Tolerance::DISABLED)));
        }
        if key != other {
            let header = format!("t={time},v1={signature}");
            prop_assert!(mismatch(receive(&[&other], header.as_bytes(), &body, at(0), Tolerance::DISABLED)));
        }
    }

    #[test]
    fn only_times_within_the_tolerance_are_accepted(
        time in 0..=4_000_000_000_u64, offset in -1000..=1000_i64, past in 1..=500_u64, future in 1..=500_u64,
    ) {
        let now = time.saturating_add_signed(offset);
        let tolerance = Tolerance::seconds(past.try_into().unwrap(), future.try_into().unwrap());
        let text = sign(&[secret("whsec_x")], time, b"{}");
        let accepted = receive(&["whsec_x"], text.as_bytes(), b"{}", at(now), tolerance).is_ok();
        prop_assert_eq!(accepted, now <= time + past && time <= now + future);
    }
}
