//! The published test vectors, and the cases in the tests of Stripe's own libraries.

use std::num::NonZeroU64;
use std::time::{Duration, UNIX_EPOCH};

use webhook_core::SignatureHeaderError::{MalformedTimestamp, MissingSignature, MissingTimestamp};
use webhook_core::{SIGNATURE_HEADER, Secret, SignatureHeader, Tolerance, VerifyError, sign};

use crate::support::{NOW, P1, Refused, SECRET, at, hex, hmac, receive, secret, v1};

const ROLLED: &str = "whsec_test_secret_rolled_key";
const GOOD: &str = "4f1cd7feda9826e746b7d482c4badebb657398df1099e1046364f6196a230150";
const GOOD_ROLLED: &str = "dc80d0334b78e0dbbc3d5352c151a428b746163b94ad381096bb293b9e650f1e";

#[test]
fn the_vectors_sign_and_verify() {
    let emoji = "{\"id\":\"evt_😀\",\"object\":\"event\"}".as_bytes();
    assert_eq!((P1.len(), emoji.len()), (51, 34), "the bodies are the published ones");
    for (name, key, t, body, expected) in [
        ("1", SECRET, NOW, P1, GOOD),
        ("2: another key", ROLLED, NOW, P1, GOOD_ROLLED),
        ("7: the epoch", SECRET, 0, P1, "362342f802644db111277db1b25ac1b74afc25ff42c5a65fc19f332d79254e85"),
        (
            "8: an old time",
            SECRET,
            12345,
            P1,
            "2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e",
        ),
        ("12: {}", SECRET, NOW, b"{}", "ceb8863f7208fa249a6cd8f951e993c7563412aca65866f6272283debe143ab3"),
        ("13: no body", SECRET, NOW, b"", "316b9ab98c15bfa039d243f3196acee619cf29749a91a634e6a8154e2f7b6727"),
        ("14: emoji", SECRET, NOW, emoji, "d22a0ab41a7f89c8fb011757fe9c75fadf6e0b4a9989f28ca0491b95bdd1fce0"),
    ] {
        let header = format!("t={t},v1={expected}");
        assert_eq!(sign(&[secret(key)], t, body), header, "{name}");
        assert_eq!(v1(key, &t.to_string(), body), expected, "{name}: the tests' own HMAC");
        let verified = receive(&[key], header.as_bytes(), body, at(t), Tolerance::default()).unwrap();
        assert_eq!((&verified.body()[..], verified.signed_at()), (body, t), "{name}");
    }
}

#[test]
fn vector_3_a_secret_with_a_line_feed_cannot_be_made() {
    let with_line_feed = "whsec_test_secret\n";
    let published = "9753c5b2f646419d395e4024b84d29a179493d1bbaa1bc1b384aefacde13738b";
    assert_eq!(v1(with_line_feed, "1700000000", P1), published);
    assert!(Secret::new(with_line_feed).is_err(), "no library would ever match Stripe with it");
}

#[test]
fn the_hmac_of_these_tests_gives_the_values_of_stripe_nodes_unit_test() {
    for (message, expected) in [
        ("", "f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd"),
        ("😀", "837da296d05c4fe31f61d5d7ead035099d9585a5bcde87de952012a78f0b0c43"),
    ] {
        assert_eq!(hex(&hmac(b"test_secret", message.as_bytes())), expected);
    }
}

#[test]
fn the_header_of_stripes_documentation_parses() {
    let text = "t=1492774577,\
        v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd,\
        v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39";
    assert_eq!(SignatureHeader::parse(text.as_bytes()).unwrap().timestamp(), 1_492_774_577);
    assert!(SIGNATURE_HEADER.eq_ignore_ascii_case("Stripe-Signature"));
}

#[test]
fn the_bad_headers_of_stripes_tests_are_refused() {
    for (source, header, expected) in [
        ("node, python, ruby", "bad_header", MissingTimestamp),
        ("php, go", "i'm not even a real signature header", MissingTimestamp),
        ("go", "v1,t=1", MissingSignature),
        ("go", "t=", MalformedTimestamp),
        ("all: v0 only", &format!("t={NOW},v0={GOOD}"), MissingSignature),
        (".net", &format!("t=,v1={GOOD}"), MalformedTimestamp),
        (".net", "t,v1=,v0=", MissingTimestamp),
        (".net", "t,v1=,", MissingTimestamp),
        (".net", "t,,", MissingTimestamp),
        (".net", ",,", MissingTimestamp),
        (".net", "t", MissingTimestamp),
        ("java", "t=not_a_number,v1=somesignature", MalformedTimestamp),
    ] {
        let refused = receive(&[SECRET], header.as_bytes(), P1, at(NOW), Tolerance::default()).unwrap_err();
        assert_eq!(refused, Refused::Header(expected), "{source}: {header}");
    }
}

#[test]
fn a_bad_signature_beside_a_good_one_does_not_spoil_it() {
    for bad in ["potato", "bad_signature"] {
        for header in [format!("t={NOW},v1={GOOD},v1={bad}"), format!("t={NOW},v1={bad},v1={GOOD}")] {
            receive(&[SECRET], header.as_bytes(), P1, at(NOW), Tolerance::default()).unwrap();
        }
    }
}

#[test]
fn the_times_of_stripes_tests_are_judged_alike() {
    let seconds = |past| Tolerance::seconds(NonZeroU64::new(past).unwrap(), NonZeroU64::MIN);
    let nodes_clock = UNIX_EPOCH + Duration::from_millis(20_000_000);
    let too_old = |age, tolerance| Err(Refused::Verify(VerifyError::TooOld { age, tolerance }));
    for (name, t, now, tolerance, expected) in [
        ("15 s ago, tolerance 10", NOW - 15, at(NOW), seconds(10), too_old(15, 10)),
        ("15 s ago, tolerance 20", NOW - 15, at(NOW), seconds(20), Ok(())),
        ("12345, tolerance off", 12345, at(NOW), Tolerance::DISABLED, Ok(())),
        ("node: clock at 20,000,000 ms, 15 s ago", 20_000 - 15, nodes_clock, seconds(10), too_old(15, 10)),
        ("node: clock at 20,000,000 ms, 9 s ago", 20_000 - 9, nodes_clock, seconds(10), Ok(())),
    ] {
        let header = sign(&[secret(SECRET)], t, P1);
        let result = receive(&[SECRET], header.as_bytes(), P1, now, tolerance).map(|_| ());
        assert_eq!(result, expected, "{name}");
    }
}

#[test]
fn go_a_header_signed_with_the_rolled_and_the_current_key_verifies_under_either() {
    for header in
        [format!("t={NOW},v1={GOOD_ROLLED},v1={GOOD}"), format!("t={NOW},v1={GOOD},v1={GOOD_ROLLED}")]
    {
        for keys in [&[SECRET][..], &[ROLLED], &[SECRET, ROLLED], &[ROLLED, SECRET], &["whsec_third", ROLLED]]
        {
            receive(keys, header.as_bytes(), P1, at(NOW), Tolerance::default()).unwrap();
        }
        let third = receive(&["whsec_third"], header.as_bytes(), P1, at(NOW), Tolerance::default());
        let expected = Refused::Verify(VerifyError::Mismatch { signatures: 2, secrets: 1 });
        assert_eq!(third.unwrap_err(), expected);
    }
}
