//! Types that contain themselves read nested values up to a limit. Beyond it there is an error, not a stack overflow.
#![expect(dead_code, reason = "what was read is dropped")]

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use webhook_core::{
    DecodeError, Envelope, Event, Expandable, List, Payload, Sample, StripeObject, Unchecked,
};

use crate::objects::stripe;

#[derive(Debug, StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    payment_intent: Option<Expandable<PaymentIntent>>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent")]
struct PaymentIntent {
    latest_charge: Option<Expandable<Charge>>,
}

impl Charge {
    fn levels(&self) -> usize {
        let intent = self.payment_intent.as_ref().and_then(Expandable::object);
        let charge = intent.map(|intent| intent.latest_charge.as_ref().and_then(Expandable::object));
        1 + charge.map_or(0, |charge| 1 + charge.map_or(0, Self::levels))
    }
}

/// A list in a list; each level has three: the element, its list, and the list's array.
#[derive(Debug, StripeObject)]
#[stripe(object = "credit_note")]
struct CreditNote {
    refunds: Option<Vec<Refunded>>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "credit_note", at = "refunds")]
struct Refunded {
    refund: Option<Expandable<Refund>>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    charge: Option<Expandable<WithRefunds>>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "charge")]
struct WithRefunds {
    refunds: Option<List<Box<Refund>>>,
}

#[derive(Debug, serde::Deserialize)]
struct Own {
    #[serde(default)]
    next: Option<Box<Own>>,
}

fn event<T: Payload>(object: &str) -> Result<Event<T>, DecodeError> {
    let body = format!(
        r#"{{"id": "evt_1", "object": "event", "type": "x", "created": 1, "livemode": false,
            "data": {{"object": {object}}}}}"#
    );
    let envelope = Envelope::parse_stored(&Bytes::from(body)).expect("an event, however deep its object");
    Event::decode(Arc::new(envelope))
}

/// Nests `levels` objects in each other, charge and payment intent by turns.
fn references(levels: usize) -> String {
    let open = |level: usize| match level % 2 {
        0 => r#"{"object": "charge", "id": "ch_1", "payment_intent": "#,
        _ => r#"{"object": "payment_intent", "id": "pi_1", "latest_charge": "#,
    };
    (0..levels).map(open).collect::<String>() + "null" + &"}".repeat(levels)
}

/// Nests `levels` objects in each other, by one key.
fn chain(levels: usize, open: &str, close: &str) -> String {
    open.repeat(levels) + "null" + &close.repeat(levels)
}

const TOO_DEEP: &str = "nested too deeply";

#[test]
fn views_that_hold_each_other_read_as_deep_as_serde_json_and_no_deeper() {
    for levels in [1, 2, 126, 127] {
        assert_eq!(event::<Charge>(&references(levels)).unwrap().object.levels(), levels);
        assert!(event::<Value>(&references(levels)).is_ok());
    }
    for levels in [128, 129, 6_000, 200_000] {
        let error = event::<Charge>(&references(levels)).unwrap_err().to_string();
        assert!(error.contains(TOO_DEEP) && error.len() < 500, "{levels}: {error}");
        let error = event::<Value>(&references(levels)).unwrap_err().to_string();
        assert!(error.contains(TOO_DEEP), "{levels}: {error}");
    }
}

#[test]
fn lists_and_arrays_count_as_levels_too() {
    let list = |levels| {
        let open =
            r#"{"object": "charge", "refunds": {"object": "list", "data": [{"object": "refund", "charge": "#;
        chain(levels, open, "}]}}")
    };
    assert!(event::<WithRefunds>(&list(31)).is_ok());
    for levels in [32, 6_000] {
        let error = event::<WithRefunds>(&list(levels)).unwrap_err().to_string();
        assert!(error.contains(TOO_DEEP), "{levels}: {error}");
    }
    let array = |levels| {
        format!(r#"{{"object": "credit_note", "refunds": [{{"refund": {{"charge": {}}}}}]}}"#, list(levels))
    };
    assert!(event::<CreditNote>(&array(30)).is_ok());
    assert!(event::<CreditNote>(&array(31)).unwrap_err().to_string().contains(TOO_DEEP));
}

#[test]
fn an_unchecked_type_that_holds_itself_has_the_same_limit() {
    let own = |levels| chain(levels, r#"{"next": "#, "}");
    assert!(event::<Unchecked<Own>>(&own(127)).is_ok());
    for levels in [128, 6_000, 200_000] {
        let error = event::<Unchecked<Own>>(&own(levels)).unwrap_err().to_string();
        assert!(error.contains(TOO_DEEP), "{levels}: {error}");
    }
}

#[derive(StripeObject)]
#[stripe(object = "charge", previous)]
struct FormerCharge {
    payment_intent: Option<Expandable<FormerIntent>>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent", previous)]
struct FormerIntent {
    latest_charge: Option<Box<Expandable<FormerCharge>>>,
}

#[test]
fn former_values_have_the_same_limit() {
    let previous = |levels| {
        let body = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "x", "created": 1, "livemode": false,
                "data": {{"object": {{}}, "previous_attributes": {}}}}}"#,
            references(levels)
        );
        let event: Event =
            Event::decode(Arc::new(Envelope::parse_stored(&Bytes::from(body)).unwrap())).unwrap();
        event.previous::<FormerCharge>().map(|before| before.is_some())
    };
    assert_eq!(previous(127), Ok(true));
    assert!(previous(6_000).unwrap_err().to_string().contains(TOO_DEEP));
}

#[test]
fn what_is_not_read_can_have_any_depth() {
    let object = format!(r#"{{"object": "charge", "x": {}, "payment_intent": null}}"#, references(100_000));
    assert_eq!(event::<Charge>(&object).unwrap().object.levels(), 1);
}

/// An object as an event carries it, with a mark in one place.
fn marked(event_type: &str, path: &str) -> String {
    let mut sample = Sample::new(event_type, 1).expect("a snapshot type");
    sample.set(path, "@").expect("a reference");
    let event: Value = serde_json::from_slice(&sample.body(1_700_000_000)).expect("JSON");
    event["data"]["object"].to_string()
}

/// A test's thread has a stack of 2 MiB, as a worker thread of the runtime has, and this is not optimised. Stripe sends
/// at most four levels of expanded objects. (<https://docs.stripe.com/expand#multiple-levels>)
#[test]
fn ready_made_objects_fit_the_stack_however_deep_they_lie_in_each_other() {
    fn check<T: Payload>(a: (&str, &str), b: (&str, &str)) {
        let (a, b) = (marked(a.0, a.1), marked(b.0, b.1));
        for pairs in [1, 4, 64, 1_000] {
            let (mut before, mut behind) = (String::new(), String::new());
            for object in [&a, &b].into_iter().cycle().take(2 * pairs) {
                let (head, tail) = object.split_once("\"@\"").unwrap();
                before.push_str(head);
                behind.insert_str(0, tail);
            }
            match event::<T>(&(before + "\"x\"" + &behind)) {
                Ok(_) => assert!(pairs <= 4),
                Err(error) => assert!(pairs > 4 && error.to_string().contains(TOO_DEEP), "{pairs}: {error}"),
            }
        }
    }

    check::<stripe::Charge>(
        ("charge.succeeded", "payment_intent"),
        ("payment_intent.succeeded", "latest_charge"),
    );
    check::<stripe::PaymentMethod>(
        ("payment_method.attached", "customer"),
        ("customer.updated", "invoice_settings.default_payment_method"),
    );
    check::<stripe::Invoice>(
        ("invoice.paid", "parent.subscription_details.subscription"),
        ("customer.subscription.updated", "latest_invoice"),
    );
}
