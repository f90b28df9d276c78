//! A handler's reply, and the events for which there can be one.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use webhook_core::{HandlerError, IntoOutcome, Reply, Verdict};

#[test]
fn a_reply_is_the_json_of_its_value() {
    for (value, expected) in [
        (json!({ "approved": true }), r#"{"approved":true}"#),
        (json!(null), "null"),
        (json!([1, "ä", "\u{2028}\"\n"]), "[1,\"ä\",\"\u{2028}\\\"\\n\"]"),
        (json!({ "amount": 1_u64 << 63, "none": null }), r#"{"amount":9223372036854775808,"none":null}"#),
    ] {
        let reply = Reply::json(&value).unwrap();
        assert_eq!(*reply.body(), expected);
        assert_eq!(reply, reply.clone());
    }
}

/// JSON cannot have a key that is not a text.
#[test]
fn a_value_that_is_no_json_parks_the_event() {
    let unwritable = HashMap::from([(vec![1_u8], true)]);
    let error = Reply::json(&unwritable).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Park);
    assert!(error.cause().is::<serde_json::Error>(), "{}", error.cause());
}

#[test]
fn debug_shows_the_length_and_not_the_body() {
    let reply = Reply::json(&json!({ "metadata": { "secret": "4242" } })).unwrap();
    assert_eq!(format!("{reply:?}"), format!("Reply {{ body_bytes: {} }}", reply.body().len()));
    assert!(!format!("{reply:#?}").contains("4242"));
}

#[test]
fn only_what_holds_a_reply_replies() {
    const REPLIES: [bool; 4] = [
        <() as IntoOutcome>::REPLIES,
        <Result<(), HandlerError> as IntoOutcome>::REPLIES,
        <Reply as IntoOutcome>::REPLIES,
        <Result<Reply, String> as IntoOutcome>::REPLIES,
    ];
    assert_eq!(REPLIES, [false, false, true, true]);

    let reply = Reply::json(&true).unwrap();
    assert_eq!(().into_outcome().unwrap(), None);
    assert_eq!(Ok::<_, String>(()).into_outcome().unwrap(), None);
    assert_eq!(reply.clone().into_outcome().unwrap(), Some(reply.clone()));
    assert_eq!(Ok::<_, String>(reply.clone()).into_outcome().unwrap(), Some(reply));
    let failed = Err::<Reply, _>("out of reach").into_outcome().unwrap_err();
    assert_eq!(failed.verdict(), Verdict::Retry { after: None });
    let parked = Err::<Reply, _>(HandlerError::park("no rule")).into_outcome().unwrap_err();
    assert_eq!(parked.verdict(), Verdict::Park);
}

proptest! {
    #[test]
    fn a_reply_reads_back_as_its_value(texts in prop::collection::btree_map(".*", ".*", 0..5)) {
        let reply = Reply::json(&texts).unwrap();
        let read: Value = serde_json::from_slice(reply.body()).unwrap();
        prop_assert_eq!(read, json!(texts));
    }
}
