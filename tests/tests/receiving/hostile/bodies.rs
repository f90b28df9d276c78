//! Bodies that are signed, and are not what they should be: they are kept, and answered with 200.

use super::{Good, Row, check, with_body};

/// A good event with something in place of something else.
fn changed(what: &str, to: &str) -> Vec<u8> {
    let body = Good::new().body;
    assert!(body.contains(what), "{what}: {body}");
    with_body(body.replacen(what, to, 1).as_bytes())
}

#[test]
fn what_is_not_an_event_goes_into_quarantine() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    let two = || [Good::new().body, Good::new().body].concat();
    let long_id = format!("\"id\": \"evt_{}\", \"was\": ", "x".repeat(10_000));
    let rows = vec![
        ("nothing", with_body(b"")),
        ("null", with_body(b"null")),
        ("an array", with_body(b"[]")),
        ("a text", with_body(b"\"x\"")),
        ("a number", with_body(b"123")),
        ("an event as an array", with_body(b"[\"evt_1\",\"x\"]")),
        ("an empty object", with_body(b"{}")),
        ("gzip", with_body(gzip)),
        ("half an event", with_body(&Good::new().body.as_bytes()[..100])),
        ("a comma too many", with_body(b"{\"id\": \"evt_1\",}")),
        ("a comment", with_body(b"// x\n{\"id\": \"evt_1\"}")),
        ("a byte order mark", with_body(&[b"\xef\xbb\xbf", Good::new().body.as_bytes()].concat())),
        ("two events", with_body(two().as_bytes())),
        ("an event and more", with_body(format!("{} x", Good::new().body).as_bytes())),
        ("not a number", with_body(b"{\"id\": NaN}")),
        ("a long id", changed("\"id\": ", &long_id)),
        ("an id with a quote", changed("evt_", "evt_'--")),
        ("an id with a line end", changed("evt_", "evt_\\n")),
        ("an id with NUL", changed("evt_", "evt_\\u0000")),
        ("an id that is a face", changed("evt_", "evt_😀")),
        ("invalid UTF-8", with_body(b"{\"id\": \"evt_\xff\"}")),
        ("a raw control character", changed("evt_", "evt_\x01")),
    ];
    let count = rows.len();
    let rows = rows.into_iter().map(|(name, sent)| Row::goes_on(name, 200, sent));
    let log = check(rows.collect());
    assert_eq!(log.matches("kept in quarantine").count(), count, "{log}");
}

#[test]
fn what_is_odd_inside_an_event_is_stored() {
    let deep = |levels: usize| {
        changed(
            "\"data\": {",
            &format!("\"deep\": {}{}, \"data\": {{", "[".repeat(levels), "]".repeat(levels)),
        )
    };
    let keys: String = (0..40_000).map(|n| format!("\"k{n}\":1,")).collect();
    let log = check(vec![
        Row::goes_on("126 levels", 200, deep(126)),
        Row::goes_on("127 levels", 200, deep(127)),
        Row::goes_on("300,000 levels", 200, deep(300_000)),
        Row::goes_on(
            "a lone surrogate",
            200,
            changed("\"data\": {", "\"odd\": \"\\ud800\\u0000\", \"data\": {"),
        ),
        Row::goes_on(
            "40,000 keys",
            200,
            changed("\"data\": {", &format!("\"odd\": {{{keys}\"k\":1}}, \"data\": {{")),
        ),
        Row::goes_on(
            "a year that is far away",
            200,
            changed("\"livemode\"", "\"created_too\": 253402300799, \"livemode\""),
        ),
    ]);
    assert!(!log.contains("kept in quarantine"), "{log}");
}
