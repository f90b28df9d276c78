//! What stays raw: exact slices of the verified body.

use bytes::Bytes;
use serde_json::{Value, json};
use webhook_core::{Envelope, Snapshot};

use crate::support::{event, parse, snapshot, verified};

/// The position of a slice in the body, if it is one.
fn place(envelope: &Envelope, slice: &[u8]) -> Option<(usize, usize)> {
    let body = envelope.body.as_ptr_range();
    let slice = slice.as_ptr_range();
    (body.start <= slice.start && slice.end <= body.end)
        .then(|| (slice.start as usize - body.start as usize, slice.end as usize - body.start as usize))
}

#[test]
fn object_and_previous_attributes_are_slices_of_the_body() {
    for (name, data) in [
        ("compact", r#"{"object":{"id":"ch_1"},"previous_attributes":{"a":1}}"#),
        ("the other order", r#"{"previous_attributes":{"a":1},"object":{"id":"ch_1"}}"#),
        (
            "white space around",
            "{ \"object\" :\r\n\t {\"id\":\"ch_1\"} , \"previous_attributes\":  {\"a\":1} }",
        ),
        ("behind an escaped key", r#"{"obj\u0065ct":{"id":"ch_1"},"previous\u005fattributes":{"a":1}}"#),
    ] {
        let envelope = parse(event(&[("data", data)])).unwrap();
        let Snapshot { object, previous_attributes, .. } = snapshot(&envelope);
        let previous = previous_attributes.as_ref().unwrap();
        for (raw, expected) in [(object, r#"{"id":"ch_1"}"#), (previous, r#"{"a":1}"#)] {
            let (start, end) = place(&envelope, raw.as_bytes()).expect(name);
            assert_eq!(&envelope.body[start..end], expected.as_bytes(), "{name}");
        }
    }
}

#[test]
fn what_was_sent_is_kept_to_the_byte() {
    let object = "{ \"b\": 1.50,\n  \"a\" : \"\\u00e9\\/😀\", \"n\": 12345678901234567890123, \"b\": 2e0 }";
    let envelope = parse(event(&[("data", &format!("{{\"object\": {object} }}"))])).unwrap();
    assert_eq!(
        snapshot(&envelope).object.as_bytes(),
        object.as_bytes(),
        "neither order nor spelling changes"
    );
}

#[test]
fn the_body_of_the_envelope_is_the_verified_one() {
    let body = Bytes::from(event(&[]));
    let verified = verified(body.clone());
    let envelope = Envelope::parse(&verified).unwrap();
    assert_eq!(envelope.body, body);
    assert_eq!(envelope.body.as_ptr(), body.as_ptr(), "no copy is made");
}

#[test]
fn a_slice_outlives_the_envelope() {
    let object = snapshot(&parse(event(&[])).unwrap()).object.clone();
    assert_eq!(object.clone().decode::<Value>().unwrap(), json!({ "id": "ch_1", "object": "charge" }));
    assert_eq!(object.as_bytes(), br#"{"id":"ch_1","object":"charge"}"#);
}

#[test]
fn previous_attributes_decode_on_their_own() {
    let data = r#"{"object":{"status":"active"},"previous_attributes":{"status":null,"items":{"data":[]}}}"#;
    let previous = snapshot(&parse(event(&[("data", data)])).unwrap()).previous_attributes.clone().unwrap();
    assert_eq!(previous.decode::<Value>().unwrap(), json!({ "status": null, "items": { "data": [] } }));
}
