//! The envelope's parser against a model over `serde_json::Value`, which knows neither slices nor derives.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use webhook_core::{Data, Envelope, EnvelopeError, Sample, Snapshot, Timestamp};

use crate::support::{THIN, event, parse};

/// What there is to know of an event.
#[derive(Debug, PartialEq)]
struct Known {
    id: String,
    event_type: String,
    created: Option<i64>,
    livemode: bool,
    texts: [Option<String>; 3],
    request: Option<(Option<String>, Option<String>)>,
    pending_webhooks: Option<u64>,
    data: KnownData,
}

#[derive(Debug, PartialEq)]
enum KnownData {
    Snapshot {
        object: Value,
        previous_attributes: Option<Value>,
    },
    Thin {
        related: Option<(Option<String>, String, String)>,
        snapshot_event: Option<String>,
        data: Option<Value>,
    },
}

impl Known {
    fn of(envelope: &Envelope) -> Self {
        let Envelope { api_version, account, context, request, .. } = envelope.clone();
        Self {
            id: envelope.id.clone(),
            event_type: envelope.event_type.clone(),
            created: envelope.created.map(Timestamp::unix_seconds),
            livemode: envelope.livemode,
            texts: [api_version, account, context],
            request: request.map(|request| (request.id, request.idempotency_key)),
            pending_webhooks: envelope.pending_webhooks,
            data: match &envelope.data {
                Data::Snapshot(Snapshot { object, previous_attributes, .. }) => KnownData::Snapshot {
                    object: object.decode().unwrap(),
                    previous_attributes: previous_attributes.as_ref().map(|raw| raw.decode().unwrap()),
                },
                Data::Thin(thin) => KnownData::Thin {
                    related: thin
                        .related_object
                        .clone()
                        .map(|related| (related.id, related.object_type, related.url)),
                    snapshot_event: thin.snapshot_event.clone(),
                    data: thin.data.as_ref().map(|raw| raw.decode().unwrap()),
                },
                other => panic!("{other:?}"),
            },
        }
    }
}

/// When a thin event of these tests happened, and the same in seconds.
const CREATED: (&str, i64) = ("2026-11-26T10:00:00.000Z", 1_795_687_200);

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn request(value: &Value) -> Option<(Option<String>, Option<String>)> {
    let text_or_null = |value: &Value| value.is_null() || value.is_string();
    match value {
        Value::String(id) => Some((Some(id.clone()), None)),
        Value::Object(_) if text_or_null(&value["id"]) && text_or_null(&value["idempotency_key"]) => {
            Some((text(&value["id"]), text(&value["idempotency_key"])))
        }
        _ => None,
    }
}

/// What the parser should find in JSON without doubled keys, or the names of all that is wrong.
fn model(event: &Value) -> Result<Known, Vec<&'static str>> {
    let named = |name: &str, more: &str| {
        let fits = |text: &str| {
            (1..=255).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || more.contains(c))
        };
        event[name].as_str().filter(|text| fits(text)).map(str::to_owned)
    };
    let data = &event["data"];
    let is_thin = event["object"] == "v2.core.event";
    let event_type = named("type", if is_thin { ".[]" } else { "." });
    let (id, livemode) = (named("id", ""), event["livemode"].as_bool());
    let is_text_or_null = |name: &str| event[name].is_null() || event[name].is_string();
    let related = related(&event["related_object"]);
    let checks = [
        ("not an object", event.is_object()),
        ("structure", data.is_object() || data.is_null()),
        ("object", is_thin || event["object"] == "event"),
        ("id", id.is_some()),
        ("type", event_type.is_some()),
        ("livemode", livemode.is_some()),
        ("data.object", is_thin || data["object"].is_object()),
        ("related_object", !is_thin || related.is_ok()),
        ("snapshot_event", !is_thin || is_text_or_null("snapshot_event")),
        ("account", is_text_or_null("account")),
        ("context", is_text_or_null("context")),
    ];
    let wrong: Vec<_> = checks.into_iter().filter(|(_, good)| !good).map(|(name, _)| name).collect();
    let (Some(id), Some(event_type), Some(livemode), []) = (id, event_type, livemode, &wrong[..]) else {
        return Err(wrong);
    };
    let previous = Some(&data["previous_attributes"]).filter(|value| !value.is_null());
    Ok(Known {
        id,
        event_type,
        created: match event["created"].as_str() {
            Some(text) if is_thin && text == CREATED.0 => Some(CREATED.1),
            _ if is_thin => None,
            _ => event["created"].as_i64(),
        },
        livemode,
        texts: ["api_version", "account", "context"].map(|name| text(&event[name])),
        request: request(if is_thin { &event["reason"]["request"] } else { &event["request"] }),
        pending_webhooks: event["pending_webhooks"].as_u64(),
        data: if is_thin {
            KnownData::Thin {
                related: related.unwrap_or_default(),
                snapshot_event: text(&event["snapshot_event"]),
                data: Some(data.clone()).filter(|data| !data.is_null()),
            }
        } else {
            KnownData::Snapshot { object: data["object"].clone(), previous_attributes: previous.cloned() }
        },
    })
}

fn related(value: &Value) -> Result<Option<(Option<String>, String, String)>, ()> {
    match (value, &value["id"], value["type"].as_str(), value["url"].as_str()) {
        (Value::Null, ..) => Ok(None),
        (Value::Object(_), id, Some(object_type), Some(url)) if id.is_null() || id.is_string() => {
            Ok(Some((text(id), object_type.to_owned(), url.to_owned())))
        }
        _ => Err(()),
    }
}

fn name(error: EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::Field { name, .. } => name,
        EnvelopeError::NotAnObject => "not an object",
        EnvelopeError::Structure { .. } => "structure",
        other => panic!("{other:?} of JSON"),
    }
}

fn agrees(body: &[u8]) -> Result<(), TestCaseError> {
    let parsed = parse(body.to_vec());
    if serde_json::from_slice::<IgnoredAny>(body).is_err() || std::str::from_utf8(body).is_err() {
        prop_assert!(parsed.is_err(), "no JSON, and read as {:?}", parsed.map(|envelope| envelope.id));
        return Ok(());
    }
    // What `Value` does not hold (lone surrogates, 1e999), the model cannot judge.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    match (parsed, model(&value)) {
        (Ok(envelope), mut expected) => {
            let parsed = Known::of(&envelope);
            // A changed byte can make another time, which the model cannot read.
            if let Ok(expected) = &mut expected
                && value["created"].as_str().is_some_and(|text| text != CREATED.0)
            {
                expected.created = parsed.created;
            }
            prop_assert_eq!(Ok(parsed), expected);
        }
        // `Value` keeps the last of doubled keys, so only the parser can see them.
        (Err(EnvelopeError::Structure { .. }), Ok(_)) if value.to_string().len() < body.len() => {}
        (Err(error), Ok(_)) => prop_assert!(false, "{error:?} of a valid event"),
        (Err(EnvelopeError::Structure { .. }), Err(_)) => {}
        (Err(error), Err(wrong)) => prop_assert!(wrong.contains(&name(error)), "{error:?}, not {wrong:?}"),
    }
    Ok(())
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
