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
        ("invalid UTF-8 in the object", {
            let good = Good::new().body;
            let (before, after) = good.split_once("ob_").expect("it has an object");
            with_body(&[before.as_bytes(), b"\xc3\x28", after.as_bytes()].concat())
        }),
        ("a raw control character in the object", changed("ob_", "ob_\x1f")),
        ("no id", changed("\"id\": \"evt_", "\"was\": \"evt_")),
        ("null as an id", changed("\"id\": ", "\"id\": null, \"was\": ")),
        ("a number as an id", changed("\"id\": ", "\"id\": 1, \"was\": ")),
        ("an empty id", changed("\"id\": ", "\"id\": \"\", \"was\": ")),
        ("no type", changed("\"type\": ", "\"was\": ")),
        ("null as a type", changed("\"type\": ", "\"type\": null, \"was\": ")),
        ("a number as a type", changed("\"type\": ", "\"type\": 1, \"was\": ")),
        ("an empty type", changed("\"type\": ", "\"type\": \"\", \"was\": ")),
        ("a type with a line end", changed("payment_intent.", "payment_intent.\\n")),
        ("a type with a blank", changed("payment_intent.", "payment_intent. ")),
        ("a long type", changed("payment_intent.", &format!("{}.", "x".repeat(10_000)))),
        ("the same id twice", {
            let id = Good::new().body.lines().nth(1).expect("it has an id").to_owned();
            changed("\"object\": \"event\"", &format!("{} \"object\": \"event\"", id.trim()))
        }),
        ("two ids", changed("\"id\": ", "\"id\": \"evt_2\", \"id\": ")),
        ("two ids, one of them escaped", changed("\"id\": ", "\"i\\u0064\": \"evt_2\", \"id\": ")),
        ("two types", changed("\"type\": ", "\"type\": \"charge.failed\", \"type\": ")),
        ("no object", changed("\"object\": {", "\"was\": {")),
        ("no livemode", changed("\"livemode\"", "\"was\"")),
    ];
    let count = rows.len();
    let rows = rows.into_iter().map(|(name, sent)| Row::goes_on(name, 200, sent));
    let log = check(rows.collect());
    assert_eq!(log.matches("kept in quarantine").count(), count, "{log}");
}

#[test]
fn what_is_odd_inside_an_event_is_stored() {
    let beside = |json: &str| changed("\"data\": {", &format!("{json}, \"data\": {{"));
    let inside = |json: &str| changed("\"description\"", &format!("{json}, \"description\""));
    let deep = |levels: usize| format!("\"deep\": {}{}", "[".repeat(levels), "]".repeat(levels));
    let keys: String = (0..60_000).map(|n| format!("\"k{n}\":1,")).collect();
    let values = format!("\"many\": [{}1]", "1,".repeat(500_000));
    let created = |created: &str| changed("\"created\": ", &format!("\"created\": {created}, \"was\": "));
    let log = check(vec![
        Row::goes_on("126 levels", 200, beside(&deep(126))),
        Row::goes_on("127 levels", 200, beside(&deep(127))),
        Row::goes_on("300,000 levels", 200, beside(&deep(300_000))),
        Row::goes_on("100 levels in the object", 200, inside(&deep(100))),
        Row::goes_on("a lone surrogate", 200, beside("\"odd\": \"\\ud800\\u0000\"")),
        Row::goes_on("NUL in the object", 200, inside("\"odd\": \"\\u0000\"")),
        Row::goes_on("60,000 keys", 200, beside(&format!("\"odd\": {{{keys}\"k\":1}}"))),
        Row::goes_on("60,000 keys in the object", 200, inside(&format!("{keys}\"k\":1"))),
        Row::goes_on("500,000 values", 200, beside(&values)),
        Row::goes_on("500,000 values in the object", 200, inside(&values)),
        Row::goes_on("a key twice in the object", 200, inside("\"a\": 1, \"a\": 2")),
        Row::goes_on("a key twice in an unknown field", 200, beside("\"odd\": {\"a\": 1, \"a\": 2}")),
        Row::goes_on("a text as its time", 200, created("\"2026-11-26T10:00:00.000Z\"")),
        Row::goes_on("a fraction as its time", 200, created("1.5")),
        Row::goes_on("a negative time", 200, created("-62135596800")),
        Row::goes_on("a year that is far away", 200, created("253402300799")),
        Row::goes_on("a year that does not fit", 200, created("9223372036854775807")),
        Row::goes_on("a time that does not fit in 64 bits", 200, created("1e300")),
    ]);
    assert!(!log.contains("kept in quarantine") && !log.contains("task parked"), "{log}");
}

#[test]
fn what_a_handler_cannot_read_is_stored_and_its_task_is_parked() {
    let inside = |json: &str| changed("\"description\"", &format!("{json}, \"description\""));
    let rows = vec![
        ("128 levels", inside(&format!("\"deep\": {}{}", "[".repeat(128), "]".repeat(128)))),
        ("300,000 levels", inside(&format!("\"deep\": {}{}", "[".repeat(300_000), "]".repeat(300_000)))),
        ("300,000 objects", {
            inside(&format!("\"deep\": {}1{}", "{\"a\":".repeat(150_000), "}".repeat(150_000)))
        }),
        ("a lone surrogate", inside("\"odd\": \"\\ud800\"")),
    ];
    let count = rows.len();
    let log = check(rows.into_iter().map(|(name, sent)| Row::goes_on(name, 200, sent)).collect());
    // Two handlers take the events of this type.
    assert_eq!(log.matches("task parked").count(), 2 * count, "{log}");
    assert!(!log.contains("kept in quarantine"), "{log}");
}
