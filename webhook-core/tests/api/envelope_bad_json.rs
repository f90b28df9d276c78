//! Bodies that are signed but are not events: the parser's errors, and that none of them makes it fail otherwise.

use std::sync::Arc;
use std::thread;

use serde::de::IgnoredAny;
use serde_json::Value;
use webhook_core::EnvelopeError::{self, Empty, NotAnObject, NotUtf8, Structure, Syntax};
use webhook_core::{Event, Unchecked};

use crate::support::{envelope_of, event, parse, snapshot};

fn error_of(body: impl Into<Vec<u8>>) -> EnvelopeError {
    parse(body.into()).unwrap_err()
}

#[test]
fn an_empty_body_is_told_apart() {
    for body in ["", " ", "\n", " \t\r\n "] {
        assert_eq!(error_of(body), Empty, "{body:?}");
    }
    assert_ne!(error_of("\u{a0}"), Empty, "JSON knows no such white space");
}

#[test]
fn json_that_is_no_object_is_refused() {
    let array_of_the_fields =
        r#"["evt_1","event","charge.succeeded",1,false,"v",null,null,null,1,{"object":{}}]"#;
    for body in [
        "null",
        "[]",
        "\"x\"",
        "123",
        "true",
        r#"["evt_1","x"]"#,
        array_of_the_fields,
        " [ ] ",
        r#"[{"id":"evt_1"}]"#,
    ] {
        assert_eq!(error_of(body), NotAnObject, "{body}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let valid = event(&[]);
    for (name, body) in [
        ("truncated", valid[..valid.len() - 1].to_owned()),
        ("truncated in the object", valid[..valid.len() - 5].to_owned()),
        ("one brace", "{".to_owned()),
        ("trailing comma", valid.replace("\"livemode\":false,", "\"livemode\":false,,")),
        ("trailing comma at the end", format!("{},}}", &valid[..valid.len() - 1])),
        ("comment", valid.replace("\"livemode\"", "/* */\"livemode\"")),
        ("comment behind", format!("{valid}// x")),
        ("two documents", format!("{valid}{valid}")),
        ("two documents on lines", format!("{valid}\n{valid}")),
        ("trailing garbage", format!("{valid}x")),
        ("trailing NUL", format!("{valid}\0")),
        ("NaN in an unknown field", event(&[("x", "NaN")])),
        ("NaN in the object", event(&[("data", r#"{"object":{"x":NaN}}"#)])),
        ("Infinity", event(&[("x", "-Infinity")])),
        ("single quotes", valid.replace('"', "'")),
        ("bare key", "{id:1}".to_owned()),
        ("number with a leading zero", event(&[("x", "01")])),
        ("half an escape", event(&[("x", r#""\u00""#)])),
        ("unknown escape", event(&[("x", r#""\x41""#)])),
        ("raw control character in a string", event(&[("x", "\"\u{1}\"")])),
        ("raw newline in the object's string", event(&[("data", "{\"object\":{\"x\":\"\n\"}}")])),
        ("form feed as white space", valid.replace(',', ",\u{c}")),
        ("no-break space as white space", valid.replace(',', ",\u{a0}")),
    ] {
        assert!(matches!(error_of(body), Syntax { .. }), "{name}");
    }
}

#[test]
fn what_is_not_json_is_not_called_json() {
    let bodies =
        ["nonsense", "id=evt_1&type=x", "<xml/>", "[1,", "'{}'", "\u{feff}{}", "\u{a0}", "nul", "-", "[]]"];
    for body in bodies {
        let error = error_of(body);
        assert!(!error.to_string().contains("is JSON"), "{body:?}: {error}");
    }
}

#[test]
fn a_byte_order_mark_is_refused() {
    let error = error_of(format!("\u{feff}{}", event(&[])));
    assert!(matches!(error, NotAnObject | Syntax { .. }), "{error:?}");
}

#[test]
fn bytes_that_are_not_utf8_are_refused_wherever_they_stand() {
    let broken = |body: String| {
        let at = body.find('¿').unwrap();
        let bytes = [&body.as_bytes()[..at], b"\xff", &body.as_bytes()[at + "¿".len()..]].concat();
        assert_eq!(error_of(bytes), NotUtf8 { at }, "{body}");
    };
    broken(event(&[("x", "\"¿\"")]));
    broken(event(&[("data", "{\"object\":{\"x\":\"¿\"}}")]));
    broken(event(&[("¿", "1")]));
    broken(event(&[("id", "\"evt_¿\"")]));
    broken("¿".to_owned());
    for (name, bytes) in [
        ("a surrogate in UTF-8's form", &b"\"\xed\xa0\x80\""[..]),
        ("an overlong quote", b"\"\xc0\xa2\""),
        ("UTF-16", b"\xff\xfe{\0}\0"),
        ("gzip", b"\x1f\x8b\x08\0"),
    ] {
        assert!(matches!(error_of(bytes), NotUtf8 { .. }), "{name}");
    }
}

#[test]
fn a_doubled_field_of_the_envelope_is_refused() {
    for (name, key, json) in [
        ("id, the same", r"i\u0064", r#""evt_1""#),
        ("id, another", r"i\u0064", r#""evt_2""#),
        ("id, null", r"\u0069d", "null"),
        ("type", r"typ\u0065", r#""charge.failed""#),
        ("object", r"\u006fbject", r#""v2.core.event""#),
        ("livemode", r"livemod\u0065", "true"),
        ("account", "account", r#""acct_2""#),
        ("data", r"dat\u0061", r#"{"object":{"id":"ch_2"}}"#),
    ] {
        let twice = event(&[("account", r#""acct_1""#)]).replacen('{', &format!("{{\"{key}\":{json},"), 1);
        assert!(matches!(error_of(twice), Structure { .. }), "{name} in front");
        let twice = event(&[("account", r#""acct_1""#)]);
        let twice = format!("{},\"{key}\":{json}}}", &twice[..twice.len() - 1]);
        assert!(matches!(error_of(twice), Structure { .. }), "{name} behind");
    }
    let plain = r#"{"id":"evt_1","id":"evt_2"}"#;
    assert_eq!(error_of(plain), Structure { line: 1, column: 18 }, "the place is the second key's");
    for data in
        [r#"{"object":{},"object":{}}"#, r#"{"object":{},"previous_attributes":{},"previous_attributes":{}}"#]
    {
        assert!(matches!(error_of(event(&[("data", data)])), Structure { .. }), "{data}");
    }
}

#[test]
fn a_doubled_field_elsewhere_is_not_the_envelopes_business() {
    for (name, body) in [
        ("in the object", event(&[("data", r#"{"object":{"id":"a","id":"b"}}"#)])),
        ("deeper", event(&[("data", r#"{"object":{"x":{"k":1,"k":2}}}"#)])),
        (
            "in previous_attributes",
            event(&[("data", r#"{"object":{},"previous_attributes":{"a":1,"a":2}}"#)]),
        ),
        ("an unknown field of data", event(&[("data", r#"{"object":{},"x":1,"x":2}"#)])),
        ("an unknown field", event(&[("x", "1")]).replacen('{', r#"{"x":2,"#, 1)),
    ] {
        assert!(parse(body).is_ok(), "{name}");
    }
}

#[test]
fn text_that_no_string_holds_is_stored_and_left_to_the_handler() {
    for (name, text) in [
        ("lone surrogate", r"\ud800"),
        ("surrogates the wrong way round", r"\udc00\ud800"),
        ("NUL", r"\u0000"),
    ] {
        let object = format!(r#"{{"x":"{text}"}}"#);
        assert_eq!(snapshot(&envelope_of(&object)).object.as_bytes(), object.as_bytes(), "{name}");
        assert!(parse(event(&[("x", &format!("\"{text}\""))])).is_ok(), "{name} in an unknown field");
    }
    assert_eq!(Event::<Value>::decode(envelope_of(r#"{"x":"\ud800"}"#)).unwrap_err().path(), "*");
    assert_eq!(Event::<Value>::decode(envelope_of(r#"{"x":"\u0000"}"#)).unwrap().object["x"], "\0");
}

fn nested(levels: usize, open: &str, close: &str) -> String {
    format!("{}{}{}", open.repeat(levels), "1", close.repeat(levels))
}

#[test]
fn any_depth_parses_prints_and_drops_on_a_small_stack() {
    const ROWS: [(&str, usize, &str, &str); 10] = [
        ("objects in the object", 300_000, "data", r#"{"object":OBJECTS}"#),
        ("arrays in the object", 30_000, "data", r#"{"object":{"x":ARRAYS}}"#),
        ("previous_attributes", 30_000, "data", r#"{"object":{},"previous_attributes":OBJECTS}"#),
        ("an unknown field of data", 30_000, "data", r#"{"object":{},"x":ARRAYS}"#),
        ("an unknown field, arrays", 300_000, "x", "ARRAYS"),
        ("an unknown field, objects", 30_000, "x", "OBJECTS"),
        ("request", 30_000, "request", r#"{"x":ARRAYS}"#),
        ("request, arrays", 30_000, "request", "ARRAYS"),
        ("created", 30_000, "created", "OBJECTS"),
        ("api_version", 30_000, "api_version", "ARRAYS"),
    ];
    let body_of = |levels, field, json: &str| {
        let json = json.replace("ARRAYS", &nested(levels, "[", "]"));
        event(&[(field, &json.replace("OBJECTS", &nested(levels, "{\"a\":", "}")))])
    };
    // A recursion into 30,000 levels would have 8 bytes for each, and no frame is as small.
    let small = thread::Builder::new().stack_size(256 * 1024).spawn(move || {
        for (name, levels, field, json) in ROWS {
            let envelope = parse(body_of(levels, field, json));
            let envelope = envelope.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!format!("{envelope:?}").is_empty());
            let decoded = Event::<Unchecked<IgnoredAny>>::decode(Arc::new(envelope));
            assert!(decoded.is_ok(), "{name}");
        }
        for json in ["ARRAYS", "OBJECTS"] {
            let error = error_of(body_of(30_000, "id", json));
            assert!(matches!(error, EnvelopeError::Field { name: "id", .. }), "{error:?}");
        }
    });
    small.unwrap().join().unwrap();
}

#[test]
fn a_depth_that_the_decoder_does_not_take_is_an_error_of_the_handler() {
    for (levels, fits) in [(126, true), (127, true), (128, false), (300_000, false)] {
        let envelope = envelope_of(&nested(levels, "{\"a\":", "}"));
        assert_eq!(Event::<Value>::decode(envelope).is_ok(), fits, "{levels} levels");
    }
}

#[test]
fn a_mebibyte_of_keys_or_values_parses() {
    let keys: Vec<_> = (0..60_000).map(|key| format!("\"key_{key:05}\":0")).collect();
    let keys = format!("{{{}}}", keys.join(","));
    let values = format!("[{}0]", "0,".repeat(500_000));
    let long_key = "k".repeat(1 << 20);
    for (name, body) in [
        ("60,000 keys in the object", event(&[("data", &format!("{{\"object\":{keys}}}"))])),
        ("500,000 values in the object", event(&[("data", &format!("{{\"object\":{{\"x\":{values}}}}}"))])),
        (
            "60,000 keys in the envelope",
            event(&[]).replacen('{', &format!("{},", &keys[..keys.len() - 1]), 1),
        ),
        (
            "60,000 keys in data",
            event(&[("data", &format!("{},\"object\":{{}}}}", &keys[..keys.len() - 1]))]),
        ),
        ("one key of a mebibyte", event(&[(&long_key, "1")])),
        ("a mebibyte of white space", format!("{}{}", " ".repeat(1 << 20), event(&[]))),
    ] {
        assert!(parse(body).is_ok(), "{name}");
    }
}
