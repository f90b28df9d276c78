//! Decoding the object: into untyped JSON, into types of other crates, and the error if it does not fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use webhook_core::{DecodeError, Event, List, Payload, StripeObject, Timestamp, Unchecked};

use crate::support::{envelope_of, event, parse};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Open,
    Paid { by: String },
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Invoice {
    amount: i64,
    status: Option<Status>,
    lines: Vec<Line>,
    metadata: BTreeMap<String, u8>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Line {
    quantity: u32,
}

fn decode<T: Payload>(object: &str) -> Result<T, DecodeError> {
    Event::<T>::decode(envelope_of(object)).map(|event| event.object)
}

#[test]
fn an_event_is_untyped_json_unless_it_says_otherwise() {
    let event: Event = Event::decode(envelope_of(r#"{"id":"ch_1","amount":5}"#)).unwrap();
    assert_eq!(event.object, json!({ "id": "ch_1", "amount": 5 }));
    assert_eq!((&*event.id, &*event.event_type, event.livemode), ("evt_1", "charge.succeeded", false));
}

#[test]
fn the_envelope_is_shared_not_copied() {
    let envelope = envelope_of("{}");
    let event = Event::<Value>::decode(Arc::clone(&envelope)).unwrap();
    assert!(Arc::ptr_eq(&event.envelope, &envelope));
}

#[test]
fn an_event_of_another_version_says_which_if_it_has_the_form_of_one() {
    let refused = |version: &str| {
        let envelope = parse(event(&[("api_version", &json!(version).to_string())])).unwrap();
        DecodeError::other_version(&envelope).to_string()
    };
    assert_eq!(
        refused("2024-06-20"),
        "the event was not decoded: the event has API version 2024-06-20; this program reads 2026-10-28.endive"
    );
    for odd in ["", "2024-06-20 or so", "\u{1b}[31m", &"x".repeat(65)] {
        assert_eq!(
            refused(odd),
            "the event was not decoded: its API version does not have the form of Stripe's; \
             this program reads 2026-10-28.endive"
        );
    }
}

#[test]
fn an_event_of_a_version_before_a_field_moved_says_so() {
    #[derive(Debug, StripeObject)]
    #[stripe(object = "subscription")]
    struct Subscription {
        #[expect(dead_code, reason = "only its absence is looked at")]
        items: List<Item>,
    }

    #[derive(Debug, StripeObject)]
    #[stripe(object = "subscription_item")]
    struct Item {
        #[expect(dead_code, reason = "only its absence is looked at")]
        current_period_end: Timestamp,
    }

    let refused = |version: &str| {
        let event = event(&[
            ("type", r#""customer.subscription.updated""#),
            ("api_version", version),
            ("data", r#"{"object":{"object":"subscription","items":{"data":[{"id":"si_1"}]}}}"#),
        ]);
        let envelope = Arc::new(parse(event).unwrap());
        Event::<Subscription>::decode(envelope).unwrap_err().to_string()
    };
    let missing = "`items.data[0].current_period_end` is missing";
    assert_eq!(
        refused(r#""2024-06-20""#),
        format!(
            "{missing}: the event has API version 2024-06-20, and `current_period_end` of `subscription` moved to \
             `items.data[].current_period_end` in 2025-03-31.basil; this program reads 2026-10-28.endive"
        )
    );
    for version in [r#""2026-10-28.endive""#, r#""2027-01-27.endive""#, "null", r#""<2024>""#] {
        assert_eq!(refused(version), missing, "{version}");
    }
    let other = "the event has API version 2025-03-31.basil; this program reads 2026-10-28.endive";
    assert_eq!(refused(r#""2025-03-31.basil""#), format!("{missing}: {other}"));
}

#[test]
fn unchecked_takes_any_deserialisable_type() {
    let decoded = decode::<Unchecked<Invoice>>(
        r#"{"amount":5,"status":{"paid":{"by":"x"}},"lines":[{"quantity":2}],"metadata":{"a":1},"more":[]}"#,
    );
    let expected = Invoice {
        amount: 5,
        status: Some(Status::Paid { by: "x".to_owned() }),
        lines: vec![Line { quantity: 2 }],
        metadata: BTreeMap::from([("a".to_owned(), 1)]),
    };
    assert_eq!(decoded.unwrap().0, expected);
    assert_eq!(decode::<Unchecked<BTreeMap<String, i64>>>("{}").unwrap().0, BTreeMap::new());
}

#[test]
fn the_place_that_does_not_fit_is_named() {
    for (name, object, path, line, column) in [
        ("a field", r#"{"amount":"x"}"#, "amount", 1, 13),
        ("a field on a later line", "{\n  \"amount\":\n    true\n}", "amount", 3, 8),
        ("out of range", r#"{"amount":9223372036854775808}"#, "amount", 1, 29),
        ("in an array", r#"{"lines":[{"quantity":1},{"quantity":-1}]}"#, "lines[1].quantity", 1, 39),
        ("null where none may be", r#"{"lines":null}"#, "lines", 1, 13),
        ("a missing field", r#"{"lines":[{}]}"#, "lines[0]", 1, 12),
        ("an unknown variant", r#"{"status":"void"}"#, "status", 1, 16),
        ("inside a variant", r#"{"status":{"paid":{"by":5}}}"#, "status.paid.*", 1, 25),
        ("in a map", r#"{"metadata":{"order_id":300}}"#, "metadata.*", 1, 27),
    ] {
        let error = decode::<Unchecked<Invoice>>(object).unwrap_err();
        assert_eq!(error.path(), path, "{name}");
        let place = format!("decode::Invoice` at `{path}` (line {line}, column {column} of the object)");
        assert!(error.to_string().ends_with(&place), "{name}: {error}");
    }
}

#[test]
fn an_object_that_does_not_fit_as_a_whole_is_a_dot() {
    let error = decode::<Unchecked<Vec<u8>>>(r#"{"id":"ch_1"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the object does not fit `alloc::vec::Vec<u8>` at `.` (line 1, column 0 of the object)"
    );
}

#[test]
fn the_line_counts_within_the_object_not_within_the_body() {
    let data = "{\n\n\n  \"object\": {\n    \"amount\": \"x\"\n  }\n}";
    let envelope = Arc::new(parse(event(&[("data", data)])).unwrap());
    let error = Event::<Unchecked<Invoice>>::decode(envelope).unwrap_err();
    assert!(error.to_string().ends_with("(line 2, column 17 of the object)"), "{error}");
}

#[test]
fn an_error_of_decoding_holds_no_value() {
    const VALUE: &str = "4242-4242 jenny@example.com";
    for object in [
        format!(r#"{{"amount":"{VALUE}"}}"#),
        format!(r#"{{"status":"{VALUE}"}}"#),
        format!(r#"{{"lines":"{VALUE}"}}"#),
        format!(r#"{{"lines":["{VALUE}"]}}"#),
        format!(r#"{{"metadata":{{"a":"{VALUE}"}}}}"#),
        format!(r#"{{"status":{{"{VALUE}":1}}}}"#),
        format!(r#"{{"x":"{VALUE}","amount":[]}}"#),
    ] {
        let error = decode::<Unchecked<Invoice>>(&object).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!shown.contains(VALUE) && !shown.contains("jenny"), "{object}: {shown}");
        }
        assert!(std::error::Error::source(&error).is_none(), "serde_json's own text quotes values");
    }
}

/// Keys that a user chose are data like values, wherever they are.
#[test]
fn a_key_that_stripe_does_not_name_is_not_shown() {
    const KEY: &str = "jenny@example.com";
    type Maps = BTreeMap<String, BTreeMap<String, Vec<u8>>>;
    for (name, object, path) in [
        ("in metadata", format!(r#"{{"metadata":{{"{KEY}":"x"}}}}"#), "metadata.*"),
        ("in metadata, named as a field is", r#"{"metadata":{"email":"x"}}"#.to_owned(), "metadata.*"),
        ("as a variant", format!(r#"{{"status":{{"{KEY}":1}}}}"#), "status"),
    ] {
        let error = decode::<Unchecked<Invoice>>(&object).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(KEY), "{name}: {error}");
        assert_eq!(error.path().replace("status.*", "status"), path, "{name}");
    }
    for (name, object, path) in [
        ("at the top", format!(r#"{{"{KEY}":{{"x":1}}}}"#), "*.*"),
        ("in a map in a map", format!(r#"{{"metadata":{{"{KEY}":["x"]}}}}"#), "metadata.*[0]"),
        ("a new line", r#"{"a\nERROR forged":{"b":["x"]}}"#.to_owned(), "*.*[0]"),
    ] {
        let error = decode::<Unchecked<Maps>>(&object).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(KEY), "{name}: {error}");
        assert_eq!(error.path(), path, "{name}");
    }
}
