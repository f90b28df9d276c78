//! Any bytes as a signature header: the parser agrees with its model, and `verify` with an independent HMAC.
//!
//! The header ends with the first line break, and the body follows. In the header, `V` is the right signature for the text
//! after the first `t=`, and `N` the time now.
#![no_main]

use std::num::NonZeroU64;
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use webhook_core::{Secret, SignatureHeader, Tolerance, VerifyError, verify};

#[path = "../../../webhook-core/tests/api/model/hmac.rs"]
mod hmac;
#[path = "../../../webhook-core/tests/api/model/signature.rs"]
mod signature;

const SECRETS: [&str; 2] = ["whsec_fuzzing_0123456789abcdef", "whsec_fuzzing_fedcba9876543210"];
const NOW: u64 = 1_700_000_000;
const TOLERANCE: u64 = 300;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |&byte| byte == b'\n');
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let header = written(header, body);
    let Some(known) = signature::compare(&header).unwrap_or_else(|differ| panic!("{differ}")) else { return };

    let secrets = SECRETS.map(|text| Secret::new(text).expect("it is a secret"));
    let parsed = SignatureHeader::parse(&header).expect("the model reads it, too");
    let seconds = NonZeroU64::new(TOLERANCE).expect("it is not 0");
    let (now, tolerance) = (UNIX_EPOCH + Duration::from_secs(NOW), Tolerance::seconds(seconds, seconds));
    let verified = verify(&secrets, &parsed, body.to_vec(), now, tolerance);

    let signed = |secret: &str| known.signatures.contains(&hmac::v1(secret, &known.time, body));
    let signed_with = SECRETS.iter().position(|secret| signed(secret));
    let time: u64 = known.time.parse().expect("the model read it");
    match (signed_with, verified) {
        (None, Err(VerifyError::Mismatch { .. })) => {}
        (Some(_), Err(VerifyError::TooOld { age, .. })) => assert_eq!(Some(age), NOW.checked_sub(time)),
        (Some(_), Err(VerifyError::InFuture { ahead, .. })) => assert_eq!(Some(ahead), time.checked_sub(NOW)),
        (Some(secret), Ok(verified)) => {
            assert!(time.abs_diff(NOW) <= TOLERANCE, "{time}");
            assert_eq!((&verified.body()[..], verified.signed_at(), verified.secret()), (body, time, secret));
        }
        (signed_with, judged) => panic!("{judged:?}, and signed with {signed_with:?}"),
    }
    assert!(signed_with.is_none() || tolerance.admits(time, now) == (time.abs_diff(NOW) <= TOLERANCE));
});

/// Puts times and signatures where their letters are.
fn written(header: &[u8], body: &[u8]) -> Vec<u8> {
    let now = NOW.to_string();
    let header = replaced(header, b'N', &now);
    let text = String::from_utf8_lossy(&header);
    let time =
        text.split_once("t=").map_or("", |(_, rest)| rest.split(',').next().unwrap_or_default().trim());
    replaced(&header, b'V', &hmac::v1(SECRETS[usize::from(body.len() % 2 == 1)], time, body))
}

fn replaced(bytes: &[u8], letter: u8, text: &str) -> Vec<u8> {
    let mut written = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if byte == letter { written.extend_from_slice(text.as_bytes()) } else { written.push(byte) }
    }
    written
}
