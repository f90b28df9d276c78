//! A test can set every field of an event's envelope that a handler can see.

use std::panic::catch_unwind;

use serde_json::{Value, json};
use webhook_core::{Event, PreviousView, Sample, StripeObject, Timestamp, fixture};

use crate::support::snapshot;

#[derive(Debug, StripeObject)]
#[stripe(object = "subscription", previous)]
struct Former {
    status: Option<String>,
    #[stripe(path = "cancellation_details.reason")]
    reason: Option<String>,
}

fn update() -> Sample {
    fixture!("customer.subscription.updated", status = "past_due")
}

/// The former values, untyped.
fn previous(event: &Event) -> Option<Value> {
    snapshot(&event.envelope).previous_attributes.as_ref().map(|raw| raw.decode().unwrap())
}

fn former<V: PreviousView>(sample: Sample) -> V {
    sample.event::<Value>().unwrap().previous().unwrap().unwrap()
}

#[test]
fn all_that_a_handler_can_see_can_be_set() {
    let sample = fixture!("charge.succeeded")
        .event_id("evt_of_the_test")
        .created(1_700_000_000)
        .livemode(true)
        .api_version("2024-06-20")
        .account("acct_1")
        .context("acct_1/acct_2")
        .request("req_1", Some("key-1"))
        .pending_webhooks(3)
        .previous("status", "pending");
    assert_eq!(sample.id(), "evt_of_the_test");
    let event: Event = sample.event().unwrap();
    assert_eq!(event.id, "evt_of_the_test");
    assert_eq!(event.created, Some(Timestamp::from_unix_seconds(1_700_000_000)));
    assert_eq!(
        (event.livemode, &event.object["livemode"]),
        (true, &json!(true)),
        "the object is live as well"
    );
    assert_eq!(event.object["created"], 1_700_000_000, "and as old as the event");
    assert_eq!(event.api_version.as_deref(), Some("2024-06-20"));
    assert_eq!((event.account.as_deref(), event.context.as_deref()), (Some("acct_1"), Some("acct_1/acct_2")));
    let request = event.request.clone().unwrap();
    assert_eq!((request.id.as_deref(), request.idempotency_key.as_deref()), (Some("req_1"), Some("key-1")));
    assert_eq!(event.pending_webhooks, Some(3));
    assert!(previous(&event).is_some());
}

#[test]
fn what_is_not_set_is_as_stripe_sends_it() {
    let event: Event = fixture!("charge.succeeded").event().unwrap();
    assert!(!event.livemode && event.account.is_none() && event.context.is_none());
    assert!(event.request.clone().unwrap().id.is_none() && previous(&event).is_none());
    let connected: Event = fixture!("account.application.deauthorized").event().unwrap();
    assert!(connected.account.clone().unwrap().starts_with("acct_"), "it happens on the account that leaves");
    assert_eq!(
        fixture!("account.updated").account("acct_7").event::<Value>().unwrap().account.as_deref(),
        Some("acct_7")
    );
}

#[test]
fn former_values_replace_those_that_the_sample_has_of_itself() {
    let sample = update().previous("status", "active").previous("cancellation_details.reason", Value::Null);
    let all: Value = previous(&sample.clone().event::<Value>().unwrap()).unwrap();
    assert_eq!(all, json!({ "status": "active", "cancellation_details": { "reason": null } }));
    let Former { status, reason } = former(sample);
    assert_eq!((status.as_deref(), reason), (Some("active"), None));

    let sample =
        update().previous_attributes(json!({ "cancellation_details": { "reason": "payment_failed" } }));
    let Former { status, reason } = former(sample);
    assert_eq!((status, reason.as_deref()), (None, Some("payment_failed")));
    let nothing: Value = former_json(update().previous_attributes(json!({})));
    assert_eq!(nothing, json!({}), "an update may report no change");
    assert_eq!(
        former_json(update().previous_attributes(json!({ "metadata": { "Order No.": null } }))),
        json!({ "metadata": { "Order No.": null } })
    );
}

#[test]
fn a_fixture_says_former_values_that_are_checked_when_it_is_compiled() {
    let sample = fixture!(
        "customer.subscription.updated",
        status = "past_due",
        previous.status = "active",
        previous.cancellation_details.reason = null,
        "previous.metadata.Order No." = "o_1",
        previous.cancel_at = 1_700_000_000,
    );
    let expected = json!({
        "status": "active", "cancellation_details": { "reason": null }, "metadata": { "Order No.": "o_1" },
        "cancel_at": 1_700_000_000,
    });
    assert_eq!(former_json(sample), expected);
    // The path begins with a name that no object has a field of.
    for object in webhook_core::catalog::objects() {
        let fields = &webhook_core::catalog::object(object).unwrap().fields;
        assert!(fields.iter().all(|field| field.name != "previous"), "{object}");
    }
}

fn former_json(sample: Sample) -> Value {
    previous(&sample.event::<Value>().unwrap()).unwrap()
}

#[test]
fn former_values_are_checked_against_the_catalog() {
    let refused = |make: fn() -> Sample| {
        let panic = catch_unwind(make).map(|_| ()).unwrap_err();
        panic.downcast_ref::<String>().expect("the panic has a text").clone()
    };
    for (make, message) in [
        ((|| update().previous("statsu", "active")) as fn() -> Sample, "did you mean `status`?"),
        (|| update().previous("status", "flying"), "`status` cannot be `flying`"),
        (|| update().previous("cancel_at", "soon"), "`cancel_at` cannot be `soon`: expected timestamp"),
        (|| update().previous("cancellation_details.raeson", Value::Null), "did you mean `reason`?"),
        (|| update().previous("items.data.0.quantity", 2), "the whole array"),
        (|| update().previous_attributes(json!({ "statsu": null })), "did you mean `status`?"),
        (
            || update().previous_attributes(json!({ "cancellation_details": { "raeson": null } })),
            "did you mean `reason`?",
        ),
        (|| update().previous_attributes(json!([])), "not a JSON object"),
        (|| update().event_id("evt 1"), "not an event id"),
        (|| update().event_id(""), "not an event id"),
    ] {
        let told = refused(make);
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn a_former_value_can_be_written_as_text() {
    let mut sample = update();
    sample.set_previous("status", "active").unwrap();
    sample.set_previous("cancel_at", "null").unwrap();
    assert!(
        sample.set_previous("statsu", "active").unwrap_err().to_string().contains("did you mean `status`?")
    );
    assert_eq!(former_json(sample), json!({ "status": "active", "cancel_at": null }));
}

/// Setting a field keeps what was set of the envelope, even if it selects another object.
#[test]
fn the_envelope_survives_what_is_set_of_the_object() {
    let mut sample = Sample::new("customer.source.created", 1).unwrap().livemode(true).account("acct_1");
    sample.set("object", "card").unwrap();
    sample.set("last4", "0005").unwrap();
    let event: Event = sample.event().unwrap();
    assert_eq!((event.livemode, event.account.as_deref()), (true, Some("acct_1")));
    assert_eq!(event.object["last4"], "0005");
}

#[test]
fn the_objects_own_time_can_be_set() {
    let mut sample = Sample::new("charge.succeeded", 1).unwrap();
    sample.set("created", "1600000000").unwrap();
    let event: Event = sample.event().unwrap();
    assert_eq!(event.object["created"], 1_600_000_000);
}
