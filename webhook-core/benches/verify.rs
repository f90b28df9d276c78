//! What a request costs before its event is stored: its signature and its envelope.
//!
//! A signature that is wrong in its last digit takes as long as one that is wrong everywhere.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use divan::{Bencher, black_box};
use webhook_core::{Envelope, Secret, SignatureHeader, Tolerance, sign, verify};

const NOW: u64 = 1_700_000_000;

fn main() {
    divan::main();
}

fn secret() -> Secret {
    Secret::new("whsec_0123456789abcdef").expect("it is a secret")
}

/// An event with this JSON in its object, and beside it.
fn event(inside: &str) -> Bytes {
    format!(
        r#"{{"id":"evt_1","object":"event","type":"charge.succeeded","created":1,"livemode":false,
            "data":{{"object":{{"id":"ch_1",{inside}}}}}}}"#
    )
    .into()
}

/// A header for the body whose signature has another digit at one place.
fn header(body: &[u8], wrong_at: impl IntoIterator<Item = usize>) -> String {
    let mut header = sign(&[secret()], NOW, body).into_bytes();
    let digits = header.len() - 64;
    for at in wrong_at {
        let digit = &mut header[digits + at];
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    String::from_utf8(header).expect("it is ASCII")
}

/// `verify` alone, over a body of 2 KiB.
#[divan::bench(args = ["right", "first digit wrong", "last digit wrong", "all wrong"])]
fn signature(bencher: Bencher<'_, '_>, which: &str) {
    let (secrets, body) = ([secret()], event(&format!(r#""x":"{}""#, "x".repeat(1_900))));
    let text = match which {
        "first digit wrong" => header(&body, [0]),
        "last digit wrong" => header(&body, [63]),
        "all wrong" => header(&body, 0..64),
        _ => header(&body, []),
    };
    let header = SignatureHeader::parse(text.as_bytes()).expect("it has the form of one");
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    bencher.bench_local(|| {
        verify(&secrets, black_box(&header), body.clone(), now, Tolerance::default()).is_ok()
    });
}

/// Signature and envelope of the largest bodies: what a sender with the secret can make the server do.
#[divan::bench(args = ["60,000 keys", "500,000 values", "300,000 levels", "one text"])]
fn of_a_mebibyte(bencher: Bencher<'_, '_>, which: &str) {
    let inside = match which {
        "60,000 keys" => Vec::from_iter((0..60_000).map(|n| format!(r#""key_{n:06}":1"#))).join(","),
        "500,000 values" => format!(r#""x":[{}1]"#, "1,".repeat(500_000)),
        "300,000 levels" => format!(r#""x":{}{}"#, "[".repeat(300_000), "]".repeat(300_000)),
        _ => format!(r#""x":"{}""#, "x".repeat(1_000_000)),
    };
    let (secrets, body) = ([secret()], event(&inside));
    let text = header(&body, []);
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    bencher.bench_local(|| {
        let header = SignatureHeader::parse(text.as_bytes()).expect("it is one");
        let verified =
            verify(&secrets, &header, body.clone(), now, Tolerance::default()).expect("it is signed");
        Envelope::parse(&verified).expect("it is an event")
    });
}
