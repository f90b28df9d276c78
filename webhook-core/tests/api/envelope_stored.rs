//! The envelope of a stored body, and the text at a path in its object.

use bytes::Bytes;
use proptest::prelude::*;
use webhook_core::{Envelope, EnvelopeError};

use crate::support::{THIN, envelope_of, event, parse};

fn shown(parsed: &Result<Envelope, EnvelopeError>) -> String {
    format!("{parsed:?}")
}

#[test]
fn a_stored_body_is_read_as_a_verified_one() {
    for body in [
        event(&[]),
        event(&[("account", r#""acct_1""#)]),
        event(&[("livemode", "")]),
        event(&[("id", "7")]),
        event(&[("object", r#""v2.core.event""#)]),
        THIN.to_owned(),
        event(&[("data", "[]")]),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        let stored = Envelope::parse_stored(&Bytes::from(body.clone()));
        assert_eq!(shown(&stored), shown(&parse(body.clone())), "{body}");
        if let Ok(envelope) = stored {
            assert_eq!(envelope.body, body, "the body stays as it is");
        }
    }
    let no_text = Envelope::parse_stored(&Bytes::from_static(b"\xff"));
    assert_eq!(no_text.unwrap_err(), EnvelopeError::NotUtf8 { at: 0 });
}

/// The envelope's object is a part of the stored body, not a copy.
#[test]
fn a_stored_body_is_shared() {
    let body = Bytes::from(event(&[]));
    let envelope = Envelope::parse_stored(&body).unwrap();
    assert_eq!(envelope.body.as_ptr(), body.as_ptr());
}

#[test]
fn the_text_at_a_path_is_a_text_or_an_id() {
    let object = r#"{
        "id": "ch_1", "customer": "cus_1", "amount": 7, "paid": true, "invoice": null, "": "nameless",
        "source": {"id": "card_1", "object": "card", "owner": {"id": {"id": "x"}}},
        "metadata": {"order": "7", "a.b": "dotted", "Order No.": "37018189", "id": "mine"},
        "items": ["a"], "shipping": {"name": "Ada"}, "escaped": "a\u00e4\n\"", "odd": {"id": 5}
    }"#;
    let envelope = envelope_of(object);
    for (path, expected) in [
        ("id", Some("ch_1")),
        ("customer", Some("cus_1")),
        ("source", Some("card_1")),
        ("source.id", Some("card_1")),
        ("source.object", Some("card")),
        ("metadata.order", Some("7")),
        ("metadata.a.b", Some("dotted")),
        ("metadata.Order No.", Some("37018189")),
        ("metadata.a", None),
        ("metadata.a.b.c", None),
        ("metadata", Some("mine")),
        ("shipping.name", Some("Ada")),
        ("escaped", Some("a\u{e4}\n\"")),
        ("shipping", None),
        ("source.owner", None),
        ("amount", None),
        ("paid", None),
        ("invoice", None),
        ("invoice.id", None),
        ("items", None),
        ("items.0", None),
        ("odd", None),
        ("customer.id", None),
        ("missing", None),
        ("missing.id", None),
        ("id.", None),
        (".id", None),
        ("", Some("nameless")),
    ] {
        assert_eq!(envelope.text_at(path).as_deref(), expected, "{path:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_found_behind_any_path(
        steps in prop::collection::vec("[a-z_]{1,8}", 1..6),
        text in ".*",
        as_object in any::<bool>(),
    ) {
        let last = if as_object { serde_json::json!({ "id": text }) } else { serde_json::json!(text) };
        let object = steps.iter().rev().fold(last, |inner, step| serde_json::json!({ step: inner }));
        let envelope = envelope_of(&object.to_string());
        prop_assert_eq!(envelope.text_at(&steps.join(".")), Some(text));
    }

    #[test]
    fn no_path_panics(path in ".*") {
        let _ = envelope_of(r#"{"id":"ch_1","a":{"b":[1,{"c":"d"}]}}"#).text_at(&path);
    }
}
