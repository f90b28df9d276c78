//! Samples of every type: signed, verified and parsed as what Stripe sends, and shaped as the catalog says.

use serde_json::Value;
use webhook_core::catalog::{self, EventType, Field, Shape};
use webhook_core::{Event, Sample, SampleError, Timestamp};

use crate::support::{NOW, parse};

/// A sample's whole event.
fn event_of(known: &EventType, seed: u64) -> Value {
    serde_json::from_slice(&Sample::new(known.name, seed).unwrap().body(NOW as i64)).unwrap()
}

/// Says where a value differs from its shape; nothing if it does not.
fn misfit(value: &Value, shape: &Shape, nullable: bool, path: &str) -> Option<String> {
    let all = |values: &[Value], shape: &Shape| {
        values
            .iter()
            .enumerate()
            .find_map(|(at, value)| misfit(value, shape, false, &format!("{path}[{at}]")))
    };
    let fits = match (shape, value) {
        (_, Value::Null) => nullable,
        (Shape::Any, _) => true,
        (Shape::Array(inner), Value::Array(values)) => return all(values, inner),
        (Shape::Boolean, value) => value.is_boolean(),
        (Shape::DateTime, Value::String(text)) => text.len() == 24 && text.ends_with('Z'),
        (Shape::Decimal, Value::String(text)) => text.parse::<f64>().is_ok(),
        (Shape::Enum(values), Value::String(text)) => values.contains(&&**text),
        (Shape::Expandable(inner), Value::Object(_)) => return misfit(value, inner, false, path),
        (Shape::Expandable(_), Value::String(id)) => id.contains('_'),
        (Shape::Float, value) => value.is_number(),
        (Shape::Integer | Shape::Timestamp, value) => value.is_i64(),
        (Shape::IntegerText, Value::String(text)) => text.parse::<i64>().is_ok(),
        (Shape::List(inner), Value::Object(list)) => {
            let whole = list["object"] == "list" && list["has_more"].is_boolean() && list["url"].is_string();
            return match list["data"].as_array() {
                Some(values) if whole => all(values, inner),
                _ => Some(format!("{path} is not a list: {value}")),
            };
        }
        (Shape::Literal(literal), value) => {
            serde_json::from_str::<Value>(literal).ok().as_ref() == Some(value)
        }
        (Shape::Map(inner), Value::Object(map)) => {
            return map.iter().find_map(|(key, value)| misfit(value, inner, false, &format!("{path}.{key}")));
        }
        (Shape::Nested(fields), value) => return misfit_of_fields(value, fields, path),
        (Shape::Object(names), value) => {
            let name = value["object"].as_str().unwrap_or(names[0]);
            let described = names.contains(&name).then(|| catalog::object(name)).flatten();
            return match described {
                Some(object) => misfit_of_fields(value, &object.fields, path),
                None => Some(format!("{path} is none of {names:?}: {value}")),
            };
        }
        (Shape::String, value) => value.is_string(),
        _ => false,
    };
    (!fits).then(|| format!("{path} is not {shape}: {value}"))
}

fn misfit_of_fields(value: &Value, fields: &[Field], path: &str) -> Option<String> {
    let Some(map) = value.as_object() else { return Some(format!("{path} is not an object: {value}")) };
    if let Some(key) = map.keys().find(|key| fields.iter().all(|field| field.name != **key)) {
        return Some(format!("{path} has no field {key}"));
    }
    fields.iter().find_map(|field| match map.get(field.name) {
        Some(value) => misfit(value, &field.shape, field.nullable, &format!("{path}.{}", field.name)),
        None => (!field.optional).then(|| format!("{path}.{} is missing", field.name)),
    })
}

#[test]
fn a_sample_of_every_type_verifies_and_parses_as_that_type() {
    let types = catalog::snapshot_types();
    assert_eq!(types.len(), 275);
    for known in types {
        let sample = Sample::new(known.name, 7).unwrap();
        let id = sample.id();
        let envelope =
            parse(sample.body(NOW as i64)).unwrap_or_else(|error| panic!("{}: {error}", known.name));
        assert_eq!((&*envelope.event_type, &*envelope.id), (known.name, &*id));
        assert_eq!(envelope.created, Some(Timestamp::from_unix_seconds(NOW as i64)), "{}", known.name);
        assert_eq!(envelope.api_version.as_deref(), Some(catalog::newest().name()), "{}", known.name);
        assert!(!envelope.livemode, "{}", known.name);
        let object: Value = envelope.raw_object().unwrap().decode().unwrap();
        assert_eq!(object["object"], known.objects[0], "{}", known.name);
    }
}

#[test]
fn a_sample_of_every_type_is_shaped_as_the_catalog_says() {
    for known in catalog::snapshot_types() {
        let event = event_of(known, 3);
        let shape = Shape::Nested(known.object(known.objects[0]).unwrap().fields.clone());
        assert_eq!(misfit(&event["data"]["object"], &shape, false, known.name), None);
    }
}

/// Of the types whose state is not known, which programs use least.
#[test]
fn an_upcoming_invoice_has_no_id_and_takes_none() {
    let mut sample = Sample::new("invoice.upcoming", 3).unwrap();
    for id in ["in_1", "null"] {
        let error = sample.set("id", id).unwrap_err();
        assert_eq!(error.to_string(), "`invoice.upcoming` carries `invoice` without `id`");
    }
    sample.set("customer", "cus_1").unwrap();
    let object: Value = sample.event().unwrap().object;
    assert_eq!((object.get("id"), &object["customer"]), (None, &Value::from("cus_1")));
    let pending = |event_type| {
        let event: Event = Sample::new(event_type, 3).unwrap().event().unwrap();
        event.object["pending_request"].is_object()
    };
    assert!(pending("issuing_authorization.request") && !pending("issuing_authorization.created"));
}

#[test]
fn what_may_be_absent_is_absent_and_what_may_be_null_is_null() {
    for name in
        ["climate.product.created", "tax_rate.created", "topup.failed", "terminal.reader.action_failed"]
    {
        let known = catalog::find(name).unwrap();
        let event = event_of(known, 3);
        for field in &known.object(known.objects[0]).unwrap().fields {
            let value = event["data"]["object"].get(field.name);
            let sent = !field.optional;
            assert_eq!(value.is_some(), sent, "{name}: {}", field.name);
            assert_eq!(value.is_some_and(Value::is_null), sent && field.nullable, "{name}: {}", field.name);
        }
    }
}

#[test]
fn the_event_of_a_sample_has_all_that_stripe_always_sends_and_no_more() {
    let event = event_of(catalog::find("charge.succeeded").unwrap(), 0);
    let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["api_version", "created", "data", "id", "livemode", "object", "pending_webhooks", "request", "type"];
    assert_eq!(keys, expected);
    assert_eq!(
        event["data"].as_object().unwrap().len(),
        1,
        "nothing was changed, so nothing was other before"
    );
    assert_eq!(event["data"]["object"]["created"], NOW, "the object is as old as its event");
}

#[test]
fn a_body_is_indented_by_two_spaces_as_stripes_are() {
    let body = String::from_utf8(Sample::new("charge.succeeded", 0).unwrap().body(5)).unwrap();
    assert!(body.starts_with("{\n  \"") && body.ends_with("\n}"), "{body}");
    assert!(body.contains("\n    \"object\": {\n      \""), "{body}");
}

#[test]
fn the_seed_decides_the_ids_and_nothing_else_does() {
    let of = |seed| Sample::new("charge.succeeded", seed).unwrap();
    assert_eq!(of(1).body(5), of(1).body(5));
    for seed in [0, 2, u64::MAX] {
        assert_ne!(of(1).id(), of(seed).id());
        assert_ne!(of(1).body(5), of(seed).body(5));
    }
    let other_type = Sample::new("charge.failed", 1).unwrap();
    assert_ne!(of(1).id(), other_type.id());
    let id = of(1).id();
    assert!(
        id.starts_with("evt_") && id.len() == 28 && id[4..].bytes().all(|byte| byte.is_ascii_alphanumeric())
    );
}

#[test]
fn an_enum_is_what_the_events_name_speaks_of() {
    for (event_type, field, expected) in [
        ("payment_intent.succeeded", "status", "succeeded"),
        ("payment_intent.canceled", "status", "canceled"),
        ("payment_intent.requires_action", "status", "requires_action"),
        ("payout.failed", "object", "payout"),
    ] {
        let event = event_of(catalog::find(event_type).unwrap(), 0);
        assert_eq!(event["data"]["object"][field], expected, "{event_type}");
    }
}

#[test]
fn there_is_no_sample_of_what_is_no_event_type() {
    for name in ["", "charge", "charge.*", "Charge.succeeded", "v1.charge", "v2.core.*"] {
        let error = Sample::new(name, 0).unwrap_err();
        let version = catalog::newest();
        assert_eq!(error, SampleError::UnknownType { event_type: name.to_owned(), version });
        let told = format!("there is no event type `{name}` in API version 2026-10-28.endive");
        assert_eq!(error.to_string(), told);
    }
}
