//! Any bytes as a signed body: the parser of the envelope agrees with its model over `serde_json::Value`, and nothing that can
//! be asked of an envelope panics.
#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use webhook_core::{Data, Envelope, EnvelopeError, Event};

#[path = "../../../webhook-core/tests/api/model/envelope.rs"]
mod model;

fuzz_target!(|body: &[u8]| {
    let body = Bytes::copy_from_slice(body);
    let parsed = Envelope::parse_stored(&body);
    if let Err(differ) = model::compare(&body, parsed.as_ref().map_err(|error| *error)) {
        panic!("{differ}");
    }
    let Ok(envelope) = parsed else { return };
    assert_eq!(envelope.body, body);
    asked(&envelope);

    let envelope = Arc::new(envelope);
    if let (Data::Snapshot(snapshot), Ok(decoded)) =
        (&envelope.data, Event::<Value>::decode(Arc::clone(&envelope)))
    {
        let object: Value = snapshot.object.decode().expect("it was decoded before");
        assert_eq!(decoded.object, object);
    }
});

/// Asks an envelope everything that a server asks.
fn asked(envelope: &Envelope) {
    assert!(!format!("{envelope:?}").is_empty());
    let key = envelope.key();
    assert!(!key.contains('\0') && key.starts_with(&format!("{}/{}/", envelope.id, envelope.event_type)));
    for path in ["", "id", "customer", "customer.id", "metadata.order_id", "a.b.c", "items.data.0.id"] {
        let _ = envelope.text_at(path);
    }
    // Of doubled keys, `Value` has the last, and `text_at` the first.
    if let Some(object) = envelope.raw_object()
        && let Ok(value) = object.decode::<Value>()
        && value["id"].is_string()
        && serde_json::from_slice::<model::Doubled>(object.as_bytes()).is_ok_and(|keys| !keys.is_doubled)
    {
        assert_eq!(envelope.text_at("id").as_deref(), value["id"].as_str());
    }
    // What was stored is read again as it was received.
    let again = Envelope::parse_stored(&envelope.body);
    assert!(
        !matches!(again, Err(EnvelopeError::Empty)) && again.is_ok_and(|again| again.key() == envelope.key())
    );
}
