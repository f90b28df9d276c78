//! The sample of each event, in each enabled API version, is what that version says, and what several versions together say.
//! So it is decoded by every view that compiles for them.

use serde_json::Value;
use webhook_core::Sample;
use webhook_core::catalog::{Catalog, Field, Kind, Shape, Version, enabled, versions};

/// Checks that a value is what a shape says, at every depth.
fn check(catalog: &'static Catalog, shape: &Shape, value: &Value, at: &str) {
    let fits = match shape {
        Shape::Any => true,
        Shape::Array(inner) => {
            let values = value.as_array().unwrap_or_else(|| panic!("{at} is {value}, not an array"));
            values.iter().for_each(|value| check(catalog, inner, value, at));
            true
        }
        Shape::Boolean => value.is_boolean(),
        Shape::Expandable(inner) => {
            if !value.is_string() {
                check(catalog, inner, value, at);
            }
            true
        }
        Shape::Enum(values) => value.as_str().is_some_and(|value| values.contains(&value)),
        Shape::Float => value.is_number(),
        Shape::Integer | Shape::Timestamp => value.is_i64(),
        Shape::Literal(text) => *value == serde_json::from_str::<Value>(text).unwrap(),
        Shape::List(inner) => return check_fields(catalog, &Field::of_list(inner), value, at),
        Shape::Map(inner) => {
            let values = value.as_object().unwrap_or_else(|| panic!("{at} is {value}, not a map"));
            values.values().for_each(|value| check(catalog, inner, value, at));
            true
        }
        Shape::Nested(fields) => return check_fields(catalog, fields, value, at),
        Shape::Object(names) => {
            let said = value["object"].as_str();
            let name = names.iter().find(|name| said == Some(name)).unwrap_or(&names[0]);
            return check_fields(catalog, &catalog.object(name).unwrap().fields, value, at);
        }
        _ => value.is_string(),
    };
    assert!(fits, "{at} is {value}, not {shape}");
}

fn check_fields(catalog: &'static Catalog, fields: &[Field], value: &Value, at: &str) {
    let entries = value.as_object().unwrap_or_else(|| panic!("{at} is {value}, not an object"));
    for field in fields {
        let at = format!("{at}.{}", field.name);
        match entries.get(field.name) {
            None => assert!(field.optional, "{at} is missing"),
            Some(Value::Null) => assert!(field.nullable || field.shape == Shape::Any, "{at} is null"),
            Some(value) => check(catalog, &field.shape, value, &at),
        }
    }
    for key in entries.keys() {
        assert!(fields.iter().any(|field| field.name == key), "{at} has no field {key}");
    }
}

#[test]
fn samples_fit_their_version_and_all_versions_together() {
    let of = |version: Version| (version, version.catalog().unwrap());
    let mut made = 0;
    for (version, catalog) in enabled().iter().copied().map(of) {
        for known in catalog.snapshot_types().iter().filter(|known| known.kind == Kind::Snapshot) {
            for object in &known.objects {
                let mut sample = Sample::in_version(version, known.name, 7).unwrap();
                sample.set("object", object).unwrap();
                let body: Value = serde_json::from_slice(&sample.body(1_800_000_000)).unwrap();
                assert_eq!(body["api_version"], version.name());
                let at = format!("{version}: {}: {object}", known.name);
                let value = &body["data"]["object"];
                check_fields(catalog, &catalog.object_of(known, object).unwrap().fields, value, &at);
                let together = Catalog::enabled();
                let event = together.find(known.name).unwrap();
                let fields = &together.object_of(event, object).unwrap().fields;
                check_fields(together, fields, value, &at);
                made += 1;
            }
        }
    }
    assert!(made >= 200, "{made}");
}

#[test]
fn a_sample_has_the_fields_of_its_version() {
    for version in enabled() {
        let version = *version;
        let made = Sample::in_version(version, "invoice.paid", 7).unwrap();
        let body: Value = serde_json::from_slice(&made.body(1_800_000_000)).unwrap();
        let invoice = &body["data"]["object"];
        let basil = Version::named("basil").unwrap();
        assert_eq!(invoice.get("subscription").is_some(), version < basil, "{version}");
        assert_eq!(invoice.get("parent").is_some(), version >= basil, "{version}");
        // What a sample says is where the version has it.
        let subscription = match version < basil {
            true => &invoice["subscription"],
            false => &invoice["parent"]["subscription_details"]["subscription"],
        };
        assert!(subscription.as_str().is_some_and(|id| id.starts_with("sub_")), "{version}: {subscription}");
    }
    let disabled = versions().find(|version| !version.is_enabled());
    if let Some(version) = disabled {
        let told = Sample::in_version(version, "invoice.paid", 7).unwrap_err().to_string();
        let cure =
            format!("API version {version} is not enabled: enable the feature `{}`", version.feature());
        assert_eq!(told, cure);
    }
}

#[test]
fn a_sample_of_an_older_version_is_in_the_state_that_its_name_says() {
    let basil = Version::named("basil").unwrap();
    for version in enabled().iter().copied().filter(|version| *version < basil) {
        for (event_type, paid, charge, payment_intent) in [
            ("invoice.created", false, "", ""),
            ("invoice.finalized", false, "", "pi_"),
            ("invoice.payment_failed", false, "ch_", "pi_"),
            ("invoice.paid", true, "ch_", "pi_"),
            ("invoice.voided", false, "", "pi_"),
        ] {
            let made = Sample::in_version(version, event_type, 7).unwrap();
            let body: Value = serde_json::from_slice(&made.body(1_800_000_000)).unwrap();
            let invoice = &body["data"]["object"];
            let line = &invoice["lines"]["data"][0];
            let begins = |value: &Value, prefix: &str| match prefix {
                "" => value.is_null(),
                _ => value.as_str().is_some_and(|id| id.starts_with(prefix)),
            };
            assert_eq!(invoice["paid"], paid, "{version}: {event_type}");
            assert!(begins(&invoice["charge"], charge), "{version}: {event_type}: {invoice}");
            assert!(begins(&invoice["payment_intent"], payment_intent), "{version}: {event_type}: {invoice}");
            assert_eq!(line["type"], "subscription", "{version}: {event_type}");
            assert!(begins(&line["price"]["id"], "price_"), "{version}: {event_type}: {line}");
        }
    }
}
