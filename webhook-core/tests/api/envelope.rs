//! The fields of an event: which may be null or absent, and the error for each that is wrong.

use webhook_core::EnvelopeError::{self, Field};
use webhook_core::{Envelope, Timestamp};

use crate::support::{event, parse, snapshot};

/// The one field of a valid event that is replaced, and what the envelope says then.
fn with<T>(field: &str, json: &str, read: impl Fn(Envelope) -> T) -> Result<T, EnvelopeError> {
    parse(event(&[(field, json)])).map(read)
}

/// Which field is refused.
fn refused(field: &str, json: &str) -> &'static str {
    match with(field, json, |_| ()) {
        Err(Field { name, .. }) => name,
        other => panic!("`{field}` as {json} gives {other:?}"),
    }
}

#[test]
fn a_complete_event_is_read_field_by_field() {
    let envelope = parse(event(&[
        ("account", r#""acct_1""#),
        ("context", r#""org_1/acct_1""#),
        ("request", r#"{"id":"req_1","idempotency_key":"key-1"}"#),
        ("pending_webhooks", "2"),
        ("livemode", "true"),
        ("data", r#"{"object":{"id":"ch_1"},"previous_attributes":{"amount":5}}"#),
        ("a_field_of_tomorrow", r#"{"x":[1,2]}"#),
    ]))
    .unwrap();
    assert_eq!((envelope.id.as_str(), envelope.event_type.as_str()), ("evt_1", "charge.succeeded"));
    assert_eq!(envelope.created, Some(Timestamp::from_unix_seconds(1_700_000_000)));
    assert!(envelope.livemode);
    assert_eq!(envelope.api_version.as_deref(), Some("2026-10-28.endive"));
    assert_eq!(envelope.account.as_deref(), Some("acct_1"));
    assert_eq!(envelope.context.as_deref(), Some("org_1/acct_1"));
    let request = envelope.request.clone().unwrap();
    assert_eq!((request.id.as_deref(), request.idempotency_key.as_deref()), (Some("req_1"), Some("key-1")));
    assert_eq!(envelope.pending_webhooks, Some(2));
    assert_eq!(snapshot(&envelope).object.as_bytes(), br#"{"id":"ch_1"}"#);
    assert_eq!(snapshot(&envelope).previous_attributes.as_ref().unwrap().as_bytes(), br#"{"amount":5}"#);
}

#[test]
fn what_may_be_null_or_absent_is_none() {
    let is_none = |field: &str, envelope: Envelope| match field {
        "account" => envelope.account.is_none(),
        "api_version" => envelope.api_version.is_none(),
        "context" => envelope.context.is_none(),
        "created" => envelope.created.is_none(),
        "pending_webhooks" => envelope.pending_webhooks.is_none(),
        "request" => envelope.request.is_none(),
        _ => unreachable!("not in the table: {field}"),
    };
    for field in ["account", "api_version", "context", "created", "pending_webhooks", "request"] {
        for json in ["null", ""] {
            assert_eq!(
                with(field, json, |envelope| is_none(field, envelope)),
                Ok(true),
                "`{field}` as {json:?}"
            );
        }
    }
    for data in [r#"{"object":{},"previous_attributes":null}"#, r#"{"object":{}}"#] {
        assert_eq!(
            with("data", data, |envelope| snapshot(&envelope).previous_attributes.is_none()),
            Ok(true),
            "{data}"
        );
    }
}

#[test]
fn request_is_read_in_its_three_forms_and_in_no_other() {
    let some = |id: Option<&str>, key: Option<&str>| Some((id.map(str::to_owned), key.map(str::to_owned)));
    for (name, json, expected) in [
        ("null: Stripe acted by itself", "null", None),
        ("an object", r#"{"id":"req_1","idempotency_key":"k"}"#, some(Some("req_1"), Some("k"))),
        ("an object of nulls", r#"{"id":null,"idempotency_key":null}"#, some(None, None)),
        ("an object of half nulls", r#"{"id":"req_1","idempotency_key":null}"#, some(Some("req_1"), None)),
        ("an empty object", "{}", some(None, None)),
        ("an object with a field of tomorrow", r#"{"id":"req_1","x":{}}"#, some(Some("req_1"), None)),
        ("a string, before API version 2017-05-25", r#""req_1""#, some(Some("req_1"), None)),
        ("a string with an escape", r#""req\u005f1""#, some(Some("req_1"), None)),
        ("a number", "5", None),
        ("an object that holds numbers", r#"{"id":5}"#, None),
    ] {
        let read = |envelope: Envelope| envelope.request.map(|request| (request.id, request.idempotency_key));
        assert_eq!(with("request", json, read), Ok(expected), "{name}");
    }
}

#[test]
fn an_array_is_not_read_as_the_request_object() {
    for json in [r#"["req_1","key"]"#, "[null,null]", "[]"] {
        let request = with("request", json, |envelope| envelope.request.map(|request| request.id));
        assert!(!matches!(request, Ok(Some(_))), "{json} was read as {request:?}");
    }
}

#[test]
fn created_is_lenient_and_never_panics() {
    for (name, json, expected) in [
        ("now", "1700000000", Some(1_700_000_000)),
        ("the epoch", "0", Some(0)),
        ("negative", "-1", Some(-1)),
        ("year 9999", "253402300799", Some(253_402_300_799)),
        ("the last", "9223372036854775807", Some(i64::MAX)),
        ("the first", "-9223372036854775808", Some(i64::MIN)),
        ("past the last", "9223372036854775808", None),
        ("float", "1.5", None),
        ("exponent", "1e3", None),
        ("out of every range", "1e999", None),
        ("a string, as in thin events", r#""2026-01-01T00:00:00Z""#, None),
        ("digits in a string", r#""1700000000""#, None),
        ("bool", "true", None),
        ("array", "[1700000000]", None),
        ("object", "{}", None),
    ] {
        let created = with("created", json, |envelope| envelope.created.map(Timestamp::unix_seconds));
        assert_eq!(created, Ok(expected), "{name}");
    }
}

#[test]
fn other_kinds_than_text_are_not_taken_for_text() {
    for json in ["5", "true", "[]", r#"["acct_1"]"#, "{}", r#""\ud800""#] {
        assert_eq!(with("api_version", json, |envelope| envelope.api_version), Ok(None), "{json}");
        // Read as absent, an event of a connected account would pass for one of the platform's own.
        for name in ["account", "context"] {
            let expected = Err(Field { name, expected: "a text" });
            assert_eq!(parse(event(&[(name, json)])).map(|_| ()), expected, "{json}");
        }
    }
    // The text is passed on as it is; whether it is a known account is for the application to say.
    let account = with("account", r#""../acct'; --""#, |envelope| envelope.account);
    assert_eq!(account, Ok(Some("../acct'; --".to_owned())));
}

#[test]
fn pending_webhooks_is_lenient() {
    for (json, expected) in [("0", Some(0)), ("3", Some(3)), ("-1", None), ("1.5", None), (r#""1""#, None)] {
        assert_eq!(
            with("pending_webhooks", json, |envelope| envelope.pending_webhooks),
            Ok(expected),
            "{json}"
        );
    }
}

#[test]
fn livemode_is_never_guessed() {
    for (json, expected) in [("true", true), ("false", false)] {
        assert_eq!(with("livemode", json, |envelope| envelope.livemode), Ok(expected), "{json}");
    }
    for json in ["", "null", "0", "1", r#""true""#, "[true]", "{}"] {
        assert_eq!(refused("livemode", json), "livemode", "{json:?}");
    }
}

#[test]
fn an_id_or_type_that_stripe_would_not_write_is_refused() {
    let quoted = |text: &str| format!("\"{text}\"");
    let (longest, too_long, ten_kilobytes) =
        (quoted(&"a".repeat(255)), quoted(&"a".repeat(256)), quoted(&"a".repeat(10_240)));
    for field in ["id", "type"] {
        for (name, json) in [
            ("missing", ""),
            ("null", "null"),
            ("numeric", "5"),
            ("empty", r#""""#),
            ("bool", "true"),
            ("array", r#"["evt_1"]"#),
            ("object", r#"{"id":"evt_1"}"#),
            ("256 characters", &too_long),
            ("10 KB", &ten_kilobytes),
            ("NUL", r#""evt_\u0000""#),
            ("newline", r#""evt_\n1""#),
            ("newline behind", r#""evt_1\n""#),
            ("quote", r#""evt_'1""#),
            ("emoji", r#""evt_😀""#),
            ("escape sequence", r#""evt_\u001b[31m""#),
            ("blank", r#""evt 1""#),
            ("hyphen", r#""evt-1""#),
            ("slash", r#""../evt_1""#),
            ("brackets, as in thin types", r#""v2.core.account[x].updated""#),
            ("letter beyond ASCII", r#""évt_1""#),
            ("fullwidth letter", r#""ｅvt""#),
            ("lone surrogate", r#""evt_\ud800""#),
        ] {
            assert_eq!(refused(field, json), field, "`{field}`: {name}");
        }
        let length = |envelope: Envelope| if field == "id" { envelope.id } else { envelope.event_type }.len();
        assert_eq!(with(field, &longest, length), Ok(255));
    }
    assert_eq!(refused("id", r#""evt.1""#), "id", "a dot is for types");
    assert_eq!(with("type", r#""Charge.X_1""#, |envelope| envelope.event_type), Ok("Charge.X_1".to_owned()));
}

#[test]
fn an_unknown_type_parses() {
    let name = "a_family.of_tomorrow.happened";
    let read = with("type", &format!("\"{name}\""), |envelope| envelope.event_type);
    assert_eq!(read.as_deref(), Ok(name));
}

#[test]
fn escaped_keys_and_values_are_what_they_spell() {
    let body = event(&[
        ("id", ""),
        (r"i\u0064", r#""evt\u005f2""#),
        ("type", ""),
        (r"\u0074ype", r#""charge\u002efailed""#),
        ("object", r#""\u0065vent""#),
        ("data", ""),
        (r"d\u0061ta", r#"{"obj\u0065ct":{"id":"ch_1"}}"#),
    ]);
    let envelope = parse(body).unwrap();
    assert_eq!((envelope.id.as_str(), envelope.event_type.as_str()), ("evt_2", "charge.failed"));
    assert_eq!(snapshot(&envelope).object.as_bytes(), br#"{"id":"ch_1"}"#);
}

#[test]
fn what_is_not_an_event_is_refused() {
    for json in ["", "null", "5", r#""""#, r#""charge""#, r#""Event""#, r#""event ""#, r#"["event"]"#, "{}"] {
        assert_eq!(refused("object", json), "object", "{json:?}");
    }
}

#[test]
fn data_holds_an_object() {
    for json in [
        "",
        "null",
        "{}",
        r#"{"object":null}"#,
        r#"{"object":[]}"#,
        r#"{"object":"ch_1"}"#,
        r#"{"object":5}"#,
    ] {
        assert_eq!(refused("data", json), "data.object", "{json:?}");
    }
    for json in ["[]", r#""x""#, "5", "true", r#"[{"id":"ch_1"},null]"#] {
        let error = with("data", json, |_| ()).unwrap_err();
        assert!(matches!(error, EnvelopeError::Structure { .. }), "{json}: {error:?}");
    }
}

#[test]
fn each_refusal_reads_as_a_sentence() {
    for (error, expected) in [
        (EnvelopeError::Empty, "the body is empty"),
        (EnvelopeError::NotAnObject, "the body is JSON, but not an object"),
        (EnvelopeError::NotUtf8 { at: 7 }, "the body is not UTF-8 from byte 7 on"),
        (
            EnvelopeError::Structure { line: 2, column: 3 },
            "a field occurs twice, or `data` is not an object (line 2, column 3)",
        ),
        (EnvelopeError::Syntax { line: 2, column: 3 }, "the body is not JSON (line 2, column 3)"),
        (
            with("id", "5", |_| ()).unwrap_err(),
            "`id` is missing, or is not 1 to 255 letters, digits and underscores",
        ),
        (with("livemode", "5", |_| ()).unwrap_err(), "`livemode` is missing, or is not true or false"),
        (with("data", "{}", |_| ()).unwrap_err(), "`data.object` is missing, or is not an object"),
        (
            with("object", "5", |_| ()).unwrap_err(),
            "`object` is missing, or is not the text \"event\" or \"v2.core.event\"",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}
