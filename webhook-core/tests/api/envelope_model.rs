//! The envelope's parser against its model.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};
use webhook_core::Sample;

use crate::model::envelope::compare;
use crate::support::{THIN, event, parse};

fn agrees(body: &[u8]) -> Result<(), TestCaseError> {
    let parsed = parse(body.to_vec());
    compare(body, parsed.as_ref().map_err(|error| *error)).map_err(TestCaseError::fail)
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-z_.0-9 é\u{0}\u{1f600}\"\\\\]{0,8}".prop_map(Value::from),
        select(vec!["event", "v2.core.event", "evt_1", "charge.succeeded", "true"]).prop_map(Value::from),
    ];
    let key =
        || prop_oneof!["[a-z]{0,3}", select(vec!["id", "object", "idempotency_key"]).prop_map(String::from)];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A valid event in which a few fields are replaced or removed.
fn nearly_an_event() -> impl Strategy<Value = Value> {
    const FIELDS: [&str; 11] = [
        "id",
        "object",
        "type",
        "created",
        "livemode",
        "api_version",
        "account",
        "context",
        "request",
        "pending_webhooks",
        "x",
    ];
    let field = (select(&FIELDS[..]), proptest::option::weighted(0.8, json()));
    let data = prop_oneof![
        4 => (json(), proptest::option::of(json())).prop_map(|(object, previous)| json!({
            "object": { "x": object }, "previous_attributes": previous,
        })),
        1 => json().prop_map(|object| json!({ "object": object })),
        1 => json(),
    ];
    (vec(field, 0..4), proptest::option::of(data)).prop_map(|(fields, data)| {
        let mut event: Value = serde_json::from_str(&event(&[])).unwrap();
        let map = event.as_object_mut().unwrap();
        for (name, value) in fields.into_iter().chain(data.map(|data| ("data", Some(data)))) {
            match value {
                Some(value) => map.insert(name.to_owned(), value),
                None => map.remove(name),
            };
        }
        event
    })
}

/// A valid thin event in which a few fields are replaced or removed.
fn nearly_a_thin_event() -> impl Strategy<Value = Value> {
    const FIELDS: [&str; 11] = [
        "id",
        "object",
        "type",
        "created",
        "livemode",
        "context",
        "reason",
        "related_object",
        "snapshot_event",
        "data",
        "x",
    ];
    let inside = prop_oneof![
        json().prop_map(|request| json!({ "type": "request", "request": request })),
        (json(), json()).prop_map(|(id, url)| json!({ "id": id, "type": "charge", "url": url })),
        json().prop_map(|id| json!({ "id": id, "type": "charge", "url": "/v1/charges/ch_1" })),
        json(),
    ];
    let field = (select(&FIELDS[..]), proptest::option::weighted(0.8, inside));
    vec(field, 0..3).prop_map(|fields| {
        let mut event: Value = serde_json::from_str(THIN).unwrap();
        let map = event.as_object_mut().unwrap();
        for (name, value) in fields {
            match value {
                Some(value) => map.insert(name.to_owned(), value),
                None => map.remove(name),
            };
        }
        event
    })
}

/// A change to a body's text: some bytes at one position are replaced by others.
fn change() -> impl Strategy<Value = (Index, usize, Vec<u8>)> {
    let snippet = select(vec![
        "",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "null",
        "true",
        "0",
        "\"id\":",
        "\"data\":",
        "\\ud800",
        "\u{feff}",
    ]);
    let bytes = prop_oneof![
        3 => snippet.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..3),
    ];
    (any::<Index>(), 0..4_usize, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused_or_read_as_the_model_says(body: Vec<u8>) {
        agrees(&body)?;
    }

    #[test]
    fn any_text_of_jsons_signs_is_refused_or_read_as_the_model_says(body in "[\\[\\]{}:,\"0a \\\\-]{0,30}") {
        agrees(body.as_bytes())?;
    }

    #[test]
    fn any_json_is_read_as_the_model_says(value in json()) {
        agrees(value.to_string().as_bytes())?;
    }

    #[test]
    fn events_that_are_nearly_right_are_read_as_the_model_says(event in nearly_an_event(), pretty: bool) {
        let body = if pretty { format!("{event:#}") } else { event.to_string() };
        agrees(body.as_bytes())?;
    }

    #[test]
    fn thin_events_that_are_nearly_right_are_read_as_the_model_says(event in nearly_a_thin_event()) {
        agrees(event.to_string().as_bytes())?;
    }

    #[test]
    fn valid_events_with_changed_bytes_are_refused_or_read_as_the_model_says(
        seed: u64, kind in 0..3_u8, changes in vec(change(), 1..4),
    ) {
        let mut body = match kind {
            0 => Sample::new("customer.updated", seed).unwrap().body(5),
            1 => event(&[("account", r#""acct_1""#), ("x", "[1,{}]")]).into_bytes(),
            _ => THIN.as_bytes().to_vec(),
        };
        for (at, removed, inserted) in changes {
            let at = at.index(body.len());
            body.splice(at..(at + removed).min(body.len()), inserted);
        }
        agrees(&body)?;
    }
}
