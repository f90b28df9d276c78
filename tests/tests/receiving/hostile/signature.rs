//! The signature header, and what it signs.

use product_tests::{OTHER_SECRET, SECRET, signed, unix_now};

use super::{Good, POST, Row, check};

/// A request for a new event, with this signature header: `T` is the time, `V` the good signature.
fn with_signature(header: &str) -> Vec<u8> {
    let good = Good::new();
    let (time, signature) = good.signature.split_once(",v1=").expect("it is signed once");
    let header = header.replace("V", signature).replace("T", time.strip_prefix("t=").expect("it has a time"));
    good.request(POST, &format!("Host: a\r\n{header}\r\nFRAMED"))
}

/// A request for an event that was changed after it was signed.
fn changed(change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let good = Good::new();
    let body = change(&good.body);
    assert_ne!(body, good.body);
    Good { body, signature: good.signature }.request(POST, super::HEADERS)
}

fn signed_at(now: u64) -> Vec<u8> {
    let good = Good::new();
    let signature = signed(&[SECRET], now, good.body.as_bytes());
    Good { signature, ..good }.request(POST, super::HEADERS)
}

#[test]
fn a_header_that_is_not_one_is_refused_before_the_body_is_read() {
    let is = |value: &str| with_signature(&format!("Stripe-Signature: {value}"));
    let good = Good::new();
    check(vec![
        Row::goes_on("none", 400, with_signature("X: y")),
        Row::goes_on("empty", 400, is("")),
        Row::goes_on(
            "two headers",
            400,
            with_signature("Stripe-Signature: t=T,v1=V\r\nStripe-Signature: t=T,v1=V"),
        ),
        Row::goes_on("bytes above ASCII", 400, {
            let text = String::from_utf8(is("t=T,v1=V,x=yyy")).expect("it is text");
            let at = text.find("x=yyy").expect("it is there") + 2;
            [&text.as_bytes()[..at], b"\x80\xff\x80", &text.as_bytes()[at + 3..]].concat()
        }),
        Row::goes_on("no time", 400, is("v1=V")),
        Row::goes_on("an empty time", 400, is("t=,v1=V")),
        Row::goes_on("a word for a time", 400, is("t=abc,v1=V")),
        Row::goes_on("a negative time", 400, is("t=-1,v1=V")),
        Row::goes_on("a time in scientific notation", 400, is("t=1e9,v1=V")),
        Row::goes_on("a time of 30 digits", 400, is(&format!("t={},v1=V", "1".repeat(30)))),
        Row::goes_on("a time with a sign", 400, is("t=+T,v1=V")),
        Row::goes_on("a time with an underscore", 400, is("t=1_0,v1=V")),
        // A few of those whose time is wrong are read all the same, with the time as it was written.
        Row::goes_on("a time with zeros before it", 400, is("t=007,v1=V")),
        Row::goes_on("a time in other digits", 400, is("t=٣,v1=V")),
        Row::goes_on("two times", 400, is("t=T,t=T,v1=V")),
        Row::goes_on("no signature", 400, is("t=T")),
        Row::goes_on("only a `v0`", 400, is("t=T,v0=V")),
        Row::goes_on("no hexadecimal digits", 400, is(&format!("t=T,v1={}", "x".repeat(64)))),
        Row::goes_on("63 digits", 400, is(&format!("t=T,v1={}", "0".repeat(63)))),
        Row::goes_on("65 digits", 400, is(&format!("t=T,v1={}", "0".repeat(65)))),
        Row::goes_on("17 signatures", 400, is(&format!("t=T{}", ",v1=V".repeat(17)))),
        Row::goes_on("8 KB of commas", 400, is(&",".repeat(8_192))),
        Row::goes_on("equals signs", 400, is("=,==,=")),
        Row::goes_on("an unknown key", 200, is("x=1,t=T,v1=V,y=")),
        Row::goes_on("spaces and tabs between the items", 200, is("t=T , v1=V ,\tx=1")),
        Row::goes_on("capital digits", 200, {
            let (time, digits) = good.signature.split_once("v1=").expect("it is signed");
            let signature = format!("{time}v1={}", digits.to_uppercase());
            Good { signature, body: good.body.clone() }.request(POST, super::HEADERS)
        }),
        Row::goes_on("the second of two signatures", 200, is(&format!("t=T,v1={},v1=V", "0".repeat(64)))),
    ]);
}

#[test]
fn a_signature_that_does_not_fit_ends_no_connection() {
    let forged = |digits: &str| with_signature(&format!("Stripe-Signature: t=T,v1={digits}"));
    let other = Good::new();
    let replayed = Good::new();
    let log = check(vec![
        Row::goes_on("of nothing", 400, forged(&"0".repeat(64))),
        Row::goes_on("right but for its last digit", 400, {
            let good = Good::new();
            let (start, last) = good.signature.split_at(good.signature.len() - 1);
            let signature = format!("{start}{}", if last == "0" { "1" } else { "0" });
            Good { signature, ..good }.request(POST, super::HEADERS)
        }),
        Row::goes_on("under another secret", 400, {
            let signature = signed(&[OTHER_SECRET], unix_now(), other.body.as_bytes());
            Good { signature, body: other.body.clone() }.request(POST, super::HEADERS)
        }),
        Row::goes_on("of another time", 400, with_signature("Stripe-Signature: t=0T,v1=V")),
        Row::goes_on("of a body with another byte", 400, changed(|body| body.replacen("false", "true", 1))),
        Row::goes_on("of a body with a space less", 400, changed(|body| body.replacen(": ", ":", 1))),
        Row::goes_on("of a body with a line more", 400, changed(|body| format!("{body}\n"))),
        Row::goes_on("of a body that is not there", 400, {
            let good = Good::new();
            Good { body: String::new(), ..good }.request(POST, super::HEADERS)
        }),
        Row::goes_on("right", 200, replayed.request(POST, super::HEADERS)),
        Row::goes_on("right, and replayed", 200, replayed.request(POST, super::HEADERS)),
    ]);
    assert_eq!(log.matches("event was stored before").count(), 1, "{log}");
    // The first of a kind is told at once, the others are counted.
    assert_eq!(log.matches(" request refused").count(), 1, "{log}");
    assert!(log.contains("kind=\"mismatch\" count=7"), "{log}");
}

#[test]
fn a_signature_has_a_time_to_live() {
    // Some seconds from the edges: between here and there, time passes. The edges themselves are tested with a clock
    // that stands still.
    let now = unix_now();
    let rows = vec![
        Row::goes_on("240 s old", 200, signed_at(now - 240)),
        Row::goes_on("290 s ahead", 200, signed_at(now + 290)),
    ];
    check(rows);
    // A few a second are read and verified all the same, and keep their connection.
    let good = Good::new();
    let replayed = |time| {
        let signature = signed(&[SECRET], time, good.body.as_bytes());
        Good { signature, body: good.body.clone() }.request(POST, super::HEADERS)
    };
    let log = check(vec![
        Row::goes_on("too old", 400, signed_at(now - 301)),
        Row::goes_on("an hour ahead", 400, signed_at(now + 3600)),
        Row::goes_on("right", 200, replayed(unix_now())),
        Row::goes_on("right, and replayed when it was too old", 400, replayed(now - 301)),
    ]);
    assert!(!log.contains("event was stored before"), "{log}");
    let told = "the signature is authentic but";
    let (_, first) = log.split_once(told).unwrap_or_else(|| panic!("{log}"));
    assert!(first.contains("s old, and 300 s are allowed: the clock here runs ahead"), "{log}");
}
