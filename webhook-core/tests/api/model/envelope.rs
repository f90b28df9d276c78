//! What the envelope's parser must find, by way of `serde_json::Value`, which knows neither slices nor derives. The fuzz
//! target of the envelope (`tests/fuzz`) uses it, too.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use webhook_core::{Data, Envelope, EnvelopeError, Snapshot, Timestamp};

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

/// The fields that the parser itself reads.
const READ: [&str; 11] = [
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
    "data",
];

/// Which keys are doubled, anywhere: `Value` keeps the last of them.
#[derive(Default)]
pub(crate) struct Doubled {
    pub(crate) is_doubled: bool,
    /// Whether one of the fields is that the parser itself reads.
    is_read: bool,
}

impl<'de> Deserialize<'de> for Doubled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Doubled;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Doubled, A::Error> {
                let (mut keys, mut doubled) = (HashSet::new(), Doubled::default());
                while let Some((key, inside)) = map.next_entry::<String, Doubled>()? {
                    doubled.is_doubled |= inside.is_doubled;
                    if !keys.insert(key.clone()) {
                        doubled.is_doubled = true;
                        doubled.is_read |= READ.contains(&&*key);
                    }
                }
                Ok(doubled)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Doubled, A::Error> {
                let mut doubled = Doubled::default();
                while let Some(inside) = items.next_element::<Doubled>()? {
                    doubled.is_doubled |= inside.is_doubled;
                }
                Ok(doubled)
            }

            fn visit_unit<E>(self) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<Doubled, E> {
                Ok(Doubled::default())
            }
        }

        deserializer.deserialize_any(All)
    }
}

/// Compares what the parser made of a body with the model.
///
/// # Errors
///
/// Says how they differ.
pub(crate) fn compare(body: &[u8], parsed: Result<&Envelope, EnvelopeError>) -> Result<(), String> {
    if serde_json::from_slice::<IgnoredAny>(body).is_err() || std::str::from_utf8(body).is_err() {
        return match parsed {
            Ok(envelope) => Err(format!("no JSON, and read as {:?}", envelope.id)),
            Err(_) => Ok(()),
        };
    }
    // What `Value` does not hold (lone surrogates, 1e999), the model cannot judge.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    // Of doubled keys, the model knows only that the parser refuses those that it reads.
    match serde_json::from_slice::<Doubled>(body) {
        Ok(doubled) if doubled.is_read && parsed.is_ok() => return Err("a doubled field was read".to_owned()),
        Ok(doubled) if !doubled.is_doubled => {}
        _ => return Ok(()),
    }
    match (parsed, model(&value)) {
        (Ok(envelope), mut expected) => {
            let parsed = Known::of(envelope);
            // A changed byte can make another time, which the model cannot read.
            if let Ok(expected) = &mut expected
                && value["created"].as_str().is_some_and(|text| text != CREATED.0)
            {
                expected.created = parsed.created;
            }
            if expected.as_ref() == Ok(&parsed) {
                Ok(())
            } else {
                Err(format!("{parsed:?}, not {expected:?}"))
            }
        }
        (Err(error), Ok(_)) => Err(format!("{error:?} of a valid event")),
        (Err(EnvelopeError::Structure { .. }), Err(_)) => Ok(()),
        (Err(error), Err(wrong)) if wrong.contains(&name(error)) => Ok(()),
        (Err(error), Err(wrong)) => Err(format!("{error:?}, not {wrong:?}")),
    }
}
