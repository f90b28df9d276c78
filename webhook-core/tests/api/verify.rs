//! Which signature over which bytes is accepted. Times are in another file.

use bytes::Bytes;
use webhook_core::SignatureHeaderError::MalformedTimestamp;
use webhook_core::VerifyError::{self, Mismatch, NoSecret, TooOld};
use webhook_core::{Secret, SignatureHeader, Tolerance, sign, verify};

use crate::support::{NOW, P1, Refused, SECRET, at, receive, secret, v1};

const MISMATCH: VerifyError = Mismatch { signatures: 1, secrets: 1 };

/// Receives a body under a header that is right for another one.
fn receive_signed(signed: &[u8], body: &[u8]) -> Result<(), Refused> {
    let header = sign(&[secret(SECRET)], NOW, signed);
    receive(&[SECRET], header.as_bytes(), body, at(NOW), Tolerance::default()).map(|_| ())
}

#[test]
fn the_signature_is_over_the_bytes_of_the_body() {
    for (name, body) in [
        ("no body", &b""[..]),
        ("no JSON", b"Aa0\0\r\n"),
        ("not UTF-8", b"{\"id\":\"\xff\xfe\"}"),
        ("byte order mark", b"\xef\xbb\xbf{}"),
        ("NUL", b"\0"),
        ("a dot in front", b".{}"),
    ] {
        assert_eq!(receive_signed(body, body), Ok(()), "{name}");
    }
}

#[test]
fn a_body_that_was_changed_does_not_match() {
    let body = b"{\"id\":\"evt_1\",\"type\":\"a.b\"}";
    for (name, changed) in [
        ("one byte flipped", &b"{\"id\":\"evt_0\",\"type\":\"a.b\"}"[..]),
        ("white space added", b"{\"id\": \"evt_1\",\"type\":\"a.b\"}"),
        ("key order changed", b"{\"type\":\"a.b\",\"id\":\"evt_1\"}"),
        ("line break behind", b"{\"id\":\"evt_1\",\"type\":\"a.b\"}\n"),
        ("byte order mark in front", b"\xef\xbb\xbf{\"id\":\"evt_1\",\"type\":\"a.b\"}"),
        ("cut", b"{\"id\":\"evt_1\",\"type\":\"a.b\""),
        ("empty", b""),
    ] {
        assert_eq!(receive_signed(body, changed), Err(Refused::Verify(MISMATCH)), "{name}");
    }
    // Libraries that decode before they verify accept these in each other's place.
    for (name, sent, signed) in [
        ("lossy decoding", &b"{\"\xff\"}"[..], "{\"\u{fffd}\"}".as_bytes()),
        ("a byte order mark that is stripped", b"\xef\xbb\xbf{}", b"{}"),
        ("line ends", b"{\r\n}", b"{\n}"),
    ] {
        assert_eq!(receive_signed(signed, sent), Err(Refused::Verify(MISMATCH)), "{name}");
    }
}

#[test]
fn the_signature_is_over_the_text_of_t() {
    let header = |written: &str, signed: &str| format!("t={written},v1={}", v1(SECRET, signed, P1));
    let outcome = |header: &str| {
        receive(&[SECRET], header.as_bytes(), P1, at(NOW), Tolerance::default())
            .map(|verified| verified.signed_at())
    };
    let mismatch = Err(Refused::Verify(MISMATCH));
    let malformed = Err(Refused::Header(MalformedTimestamp));
    for (name, written, signed, expected) in [
        ("as Stripe writes it", "1700000000", "1700000000", Ok(NOW)),
        ("leading zero, signed so", "01700000000", "01700000000", Ok(NOW)),
        ("19 digits, signed so", "0000000001700000000", "0000000001700000000", Ok(NOW)),
        ("leading zero, another text signed", "01700000000", "1700000000", mismatch),
        ("leading zero signed, another text sent", "1700000000", "01700000000", mismatch),
        ("blanks around the text are not part of it", " 1700000000 ", "1700000000", Ok(NOW)),
        ("blanks signed", " 1700000000 ", " 1700000000 ", mismatch),
        ("another time signed", "1700000001", "1700000000", mismatch),
        ("+N signed", "+1700000000", "+1700000000", malformed),
        ("+N, the number signed", "+1700000000", "1700000000", malformed),
        ("letters behind", "1700000000abc", "1700000000", malformed),
        ("NaN signed, which one library accepts at any time", "NaN", "NaN", malformed),
        ("t empty, NaN signed", "", "NaN", malformed),
        ("t empty, nothing signed", "", "", malformed),
        ("minus one signed", "-1", "-1", malformed),
    ] {
        assert_eq!(outcome(&header(written, signed)), expected, "{name}");
    }
}

#[test]
fn a_dot_moved_between_time_and_body_does_not_match() {
    // The message is `t` and the body with a dot between them; the dot's position is authenticated, too.
    let header = format!("t=17,v1={}", v1(SECRET, "1", b"7.{}"));
    let result = receive(&[SECRET], header.as_bytes(), b".{}", at(17), Tolerance::default());
    assert_eq!(result.unwrap_err(), Refused::Verify(MISMATCH));
}

#[test]
fn only_a_v1_under_an_own_secret_matches() {
    let good = v1(SECRET, &NOW.to_string(), P1);
    let last_nibble = format!("{}{}", &good[..63], if good.ends_with('0') { '1' } else { '0' });
    let first_nibble = format!("{}{}", if good.starts_with('0') { '1' } else { '0' }, &good[1..]);
    let by = |key: &str| v1(key, &NOW.to_string(), P1);
    let mismatch = |signatures, secrets| Err(Refused::Verify(Mismatch { signatures, secrets }));
    let both = [SECRET, "whsec_new"];
    let three = ["whsec_old", SECRET, "whsec_new"];
    let wrong = "0".repeat(64);
    for (name, keys, signatures, expected) in [
        ("last nibble wrong", &[SECRET][..], &[&last_nibble][..], mismatch(1, 1)),
        ("first nibble wrong", &[SECRET], &[&first_nibble], mismatch(1, 1)),
        ("zeros", &[SECRET], &[&"0".repeat(64)], mismatch(1, 1)),
        ("the second of two, during a roll", &[SECRET], &[&by("whsec_old"), &good], Ok(())),
        ("both secrets live, both signatures", &both, &[&good, &by("whsec_new")], Ok(())),
        ("both secrets live, crosswise", &both, &[&by("whsec_new"), &good], Ok(())),
        ("both secrets live, only the first signed", &both, &[&good], Ok(())),
        ("both secrets live, only the second signed", &both, &[&by("whsec_new")], Ok(())),
        ("three secrets, only the first signed", &three, &[&by("whsec_old")], Ok(())),
        ("three secrets, only the middle one signed", &three, &[&good], Ok(())),
        ("three secrets, only the last signed", &three, &[&by("whsec_new")], Ok(())),
        ("the first secret's signature is the first of two", &both, &[&good, &wrong], Ok(())),
        ("the first secret's signature is the second of two", &both, &[&wrong, &good], Ok(())),
        ("the middle secret's signature is the middle one", &three, &[&wrong, &good, &wrong], Ok(())),
        ("the last secret's signature is the first of two", &both, &[&by("whsec_new"), &wrong], Ok(())),
        ("a secret that was rolled out", &["whsec_new"], &[&good], mismatch(1, 1)),
        ("two endpoints' secrets", &both, &[&by("whsec_other")], mismatch(1, 2)),
        ("the test mode's secret in live mode", &["whsec_live"], &[&by("whsec_test")], mismatch(1, 1)),
        ("the secret without its prefix", &[SECRET], &[&by("test_secret")], mismatch(1, 1)),
        ("the empty key", &[SECRET], &[&by("")], mismatch(1, 1)),
        ("three wrong, two secrets", &both, &[&by("a"), &by("b"), &by("c")], mismatch(3, 2)),
    ] {
        let items: String = signatures.iter().map(|signature| format!(",v1={signature}")).collect();
        let header = format!("t={NOW}{items}");
        let result = receive(keys, header.as_bytes(), P1, at(NOW), Tolerance::default()).map(|_| ());
        assert_eq!(result, expected, "{name}");
    }
}

#[test]
fn the_secret_that_signed_is_named() {
    let [a, b, c] = ["whsec_a", "whsec_b", "whsec_c"].map(|text| Secret::new(text).expect("it is a secret"));
    for (signed_with, given, expected) in [
        (vec![&a], vec![&a, &b], 0),
        (vec![&b], vec![&a, &b], 1),
        (vec![&c], vec![&a, &b, &c], 2),
        // During a roll, Stripe signs with both: the first that was given counts.
        (vec![&b, &a], vec![&a, &b], 0),
        (vec![&a, &b], vec![&b, &a], 0),
        (vec![&c, &b], vec![&a, &b], 1),
    ] {
        let of = |secrets: Vec<&Secret>| secrets.into_iter().cloned().collect::<Vec<_>>();
        let text = sign(&of(signed_with), 1_700_000_000, b"{}");
        let header = SignatureHeader::parse(text.as_bytes()).expect("it was made here");
        let verified = verify(&of(given), &header, "{}", at(1_700_000_000), Tolerance::default());
        let verified = verified.expect("it matches");
        assert_eq!(verified.secret(), expected);
    }
}

#[test]
fn without_a_secret_nothing_is_verified() {
    let header = sign(&[secret(SECRET)], NOW, P1);
    let error = receive(&[], header.as_bytes(), P1, at(NOW), Tolerance::DISABLED).unwrap_err();
    assert_eq!(error, Refused::Verify(NoSecret));
}

#[test]
fn the_signature_is_judged_before_the_time() {
    let header = format!("t={NOW},v1={}", "b".repeat(64));
    for now in [0, NOW - 301, NOW, NOW + 301, NOW + 100_000_000] {
        let error = receive(&[SECRET], header.as_bytes(), P1, at(now), Tolerance::default()).unwrap_err();
        assert_eq!(error, Refused::Verify(MISMATCH), "a wrong signature at {now}");
    }
}

#[test]
fn a_replay_verifies_until_it_is_too_old() {
    let header = sign(&[secret(SECRET)], NOW, P1);
    let at_time = |now| receive(&[SECRET], header.as_bytes(), P1, at(now), Tolerance::default()).map(|_| ());
    assert_eq!(at_time(NOW + 1), Ok(()));
    assert_eq!(at_time(NOW + 300), Ok(()), "telling replays apart is the inbox's work");
    let too_old = Err(Refused::Verify(TooOld { age: 301, tolerance: 300 }));
    assert_eq!(at_time(NOW + 301), too_old);
}

#[test]
fn the_verified_body_is_the_one_that_was_given() {
    let (body, secrets) = (Bytes::from(P1.to_vec()), [secret(SECRET)]);
    let text = sign(&secrets, NOW, &body);
    let header = SignatureHeader::parse(text.as_bytes()).unwrap();
    let verified = verify(&secrets, &header, body.clone(), at(NOW + 9), Tolerance::default()).unwrap();
    assert_eq!((verified.body(), verified.signed_at()), (&body, NOW));
    assert_eq!(verified.body().as_ptr(), body.as_ptr(), "no copy is made");
    let shown = format!("Verified {{ body_bytes: {}, signed_at: {NOW} }}", body.len());
    assert_eq!(format!("{verified:?}"), shown);
}

#[test]
fn each_refusal_says_what_to_look_for() {
    assert_eq!(
        Mismatch { signatures: 2, secrets: 1 }.to_string(),
        "none of the 2 signature(s) matches under any of the 1 secret(s): \
         is this the secret of this very endpoint and mode, and did the body arrive unchanged?"
    );
    assert_eq!(NoSecret.to_string(), "there is no secret to verify with");
}
