//! Thin events, which refer to their object.

use std::sync::Arc;

use serde_json::{Value, json};
use webhook_core::EnvelopeError::{self, Field};
use webhook_core::{Data, Envelope, Event, RelatedObject, Thin, Timestamp};

use crate::support::{THIN, event, parse};

/// A thin event with one field replaced; an empty text removes it.
fn with(field: &str, json: &str) -> Result<Envelope, EnvelopeError> {
    let mut thin: Value = serde_json::from_str(THIN).unwrap();
    let map = thin.as_object_mut().unwrap();
    match json {
        "" => map.remove(field),
        json => map.insert(field.to_owned(), serde_json::from_str(json).unwrap()),
    };
    parse(thin.to_string())
}

fn thin(envelope: &Envelope) -> &Thin {
    match &envelope.data {
        Data::Thin(thin) => thin,
        other => panic!("{other:?} is not a thin event"),
    }
}

#[test]
fn a_complete_thin_event_is_read_field_by_field() {
    let envelope = parse(THIN).unwrap();
    assert_eq!((&*envelope.id, &*envelope.event_type), ("evt_test_1", "v1.charge.succeeded"));
    assert_eq!(envelope.created, Some(Timestamp::from_unix_seconds(1_795_687_200)));
    assert!(!envelope.livemode);
    assert_eq!(envelope.context.as_deref(), Some("acct_1"));
    let request = envelope.request.clone().unwrap();
    assert_eq!((request.id.as_deref(), request.idempotency_key.as_deref()), (Some("req_1"), Some("key-1")));
    assert!(envelope.api_version.is_none() && envelope.account.is_none());
    assert!(envelope.pending_webhooks.is_none());

    let thin = thin(&envelope);
    let RelatedObject { id, object_type, url, .. } = thin.related_object.as_ref().unwrap();
    assert_eq!((id.as_deref(), &**object_type, &**url), (Some("ch_1"), "charge", "/v1/charges/ch_1"));
    assert_eq!(thin.snapshot_event.as_deref(), Some("evt_1"));
    assert_eq!(thin.data.as_ref().unwrap().decode::<Value>().unwrap(), json!({ "a": 1 }));
}

#[test]
fn a_thin_event_is_known_by_its_related_object() {
    let envelope = parse(THIN).unwrap();
    assert_eq!(envelope.object_id().as_deref(), Some("ch_1"));
    assert_eq!(envelope.key(), "evt_test_1/v1.charge.succeeded/ch_1");
    assert!(envelope.raw_object().is_none());
    assert_eq!(envelope.text_at("id"), None, "it carries no object");
    let singleton = with("related_object", r#"{"type":"balance","url":"/v1/balance"}"#).unwrap();
    assert_eq!(singleton.object_id(), None);
    assert_eq!(singleton.key(), "evt_test_1/v1.charge.succeeded/");
}

#[test]
fn what_may_be_null_or_absent_is_none() {
    for json in ["null", ""] {
        let of = |field| with(field, json).unwrap();
        assert!(of("created").created.is_none() && of("context").context.is_none(), "{json:?}");
        assert!(of("reason").request.is_none(), "{json:?}");
        assert!(thin(&of("related_object")).related_object.is_none(), "{json:?}");
        assert!(thin(&of("snapshot_event")).snapshot_event.is_none(), "{json:?}");
        assert!(thin(&of("data")).data.is_none(), "{json:?}");
    }
    for reason in ["5", "[]", r#"{"type":"request"}"#, r#"{"request":null}"#, r#"{"request":[]}"#] {
        assert!(with("reason", reason).unwrap().request.is_none(), "{reason}");
    }
}

#[test]
fn created_is_a_time_in_utc_and_lenient() {
    for (json, expected) in [
        (r#""2026-11-26T10:00:00Z""#, Some(1_795_687_200)),
        (r#""2026-11-26T10:00:00.999999Z""#, Some(1_795_687_200)),
        (r#""2026-11-26T10:00:00+00:00""#, Some(1_795_687_200)),
        (r#""1970-01-01T00:00:00Z""#, Some(0)),
        (r#""2026-11-26T10:00:00+02:00""#, None),
        (r#""2026-11-26T10:00:00""#, None),
        (r#""2026-02-30T10:00:00Z""#, None),
        (r#""1969-12-31T23:59:59Z""#, None),
        (r#""2026-11-26Tübermorgen Z""#, None),
        (r#""""#, None),
        ("1795687200", None),
        ("{}", None),
    ] {
        let created = with("created", json).unwrap().created;
        assert_eq!(created.map(Timestamp::unix_seconds), expected, "{json}");
    }
}

#[test]
fn the_names_of_thin_types_may_hold_brackets() {
    let name = "v2.core.account[configuration.customer].updated";
    assert_eq!(with("type", &format!("\"{name}\"")).unwrap().event_type, name);
    let expected = "1 to 255 letters, digits, underscores, dots and brackets";
    assert_eq!(with("type", r#""v1 x""#).unwrap_err(), Field { name: "type", expected });
}

#[test]
fn a_related_object_that_leads_nowhere_is_refused() {
    for json in [
        "{}",
        "5",
        r#""ch_1""#,
        r#"["ch_1","charge","/v1/charges/ch_1"]"#,
        r#"{"id":"ch_1","type":"charge"}"#,
        r#"{"id":"ch_1","url":"/v1/charges/ch_1"}"#,
        r#"{"id":5,"type":"charge","url":"/v1/charges/ch_1"}"#,
    ] {
        let expected = "an object with a `type` and a `url`";
        assert_eq!(
            with("related_object", json).unwrap_err(),
            Field { name: "related_object", expected },
            "{json}"
        );
    }
    assert_eq!(
        with("snapshot_event", "5").unwrap_err(),
        Field { name: "snapshot_event", expected: "a text" }
    );
}

#[test]
fn a_thin_event_has_no_object_to_decode() {
    let error = Event::<Value>::decode(Arc::new(parse(THIN).unwrap())).unwrap_err();
    assert_eq!(error.to_string(), "the event is a thin event, which carries no object");
}

#[test]
fn an_object_is_decoded_a_second_time() {
    let snapshot = parse(event(&[])).unwrap();
    let event = Event::<Value>::decode(Arc::new(snapshot)).unwrap();
    assert_eq!(event.object_as::<Value>().unwrap(), event.object);
}
