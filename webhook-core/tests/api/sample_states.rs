//! Samples make sense: in the state that the event's name implies, with former values that fit, and consistent with each
//! other.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use webhook_core::Sample;
use webhook_core::catalog::{self, Field, Shape};

const NOW: i64 = 1_790_000_000;

fn event(event_type: &str) -> Value {
    serde_json::from_slice(&Sample::new(event_type, 5).unwrap().body(NOW)).unwrap()
}

/// What a sample says about its object, for each type: a path and a value, as `trigger --set` takes them. `id` is any
/// text.
const STATES: &[(&str, &[(&str, &str)])] = &[
    ("account.updated", &[("charges_enabled", "true"), ("payouts_enabled", "true")]),
    ("charge.captured", &[("captured", "true"), ("amount_captured", "2000")]),
    ("charge.dispute.closed", &[("status", "lost"), ("charge", "id"), ("payment_intent", "id")]),
    ("charge.dispute.created", &[("status", "needs_response"), ("reason", "fraudulent")]),
    ("charge.dispute.funds_reinstated", &[("status", "won")]),
    ("charge.dispute.funds_withdrawn", &[("balance_transactions.0.amount", "-2000")]),
    ("charge.dispute.updated", &[("status", "under_review"), ("evidence_details.has_evidence", "true")]),
    ("charge.failed", &[("status", "failed"), ("paid", "false"), ("failure_code", "card_declined")]),
    ("charge.refunded", &[("refunded", "true"), ("amount_refunded", "2000")]),
    ("charge.succeeded", &[("status", "succeeded"), ("customer", "id"), ("payment_intent", "id")]),
    ("charge.updated", &[("balance_transaction", "id")]),
    ("checkout.session.async_payment_failed", &[("status", "complete"), ("payment_status", "unpaid")]),
    (
        "checkout.session.async_payment_succeeded",
        &[("payment_status", "paid"), ("client_reference_id", "order_1")],
    ),
    (
        "checkout.session.completed",
        &[
            ("amount_total", "2000"),
            ("client_reference_id", "order_1"),
            ("currency", "usd"),
            ("customer", "id"),
            ("customer_details.email", "jenny.rosen@example.com"),
            ("payment_intent", "id"),
            ("payment_status", "paid"),
            ("status", "complete"),
        ],
    ),
    (
        "checkout.session.expired",
        &[("status", "expired"), ("payment_status", "unpaid"), ("payment_intent", "null")],
    ),
    ("customer.created", &[("email", "jenny.rosen@example.com"), ("name", "Jenny Rosen")]),
    ("customer.deleted", &[("email", "jenny.rosen@example.com")]),
    ("customer.discount.created", &[("customer", "id"), ("source.coupon", "id")]),
    ("customer.subscription.created", &[("status", "active"), ("items.data.0.price.unit_amount", "2000")]),
    (
        "customer.subscription.deleted",
        &[("status", "canceled"), ("ended_at", "1790000000"), ("canceled_at", "1790000000")],
    ),
    ("customer.subscription.paused", &[("status", "paused")]),
    ("customer.subscription.resumed", &[("status", "active")]),
    ("customer.subscription.trial_will_end", &[("status", "trialing"), ("trial_end", "1790259200")]),
    ("customer.subscription.updated", &[("status", "active"), ("latest_invoice", "id")]),
    ("customer.updated", &[("invoice_settings.default_payment_method", "id")]),
    ("identity.verification_session.requires_input", &[("last_error.code", "document_expired")]),
    ("identity.verification_session.verified", &[("status", "verified"), ("last_verification_report", "id")]),
    ("invoice.created", &[("status", "draft"), ("number", "null"), ("amount_remaining", "2000")]),
    ("invoice.finalized", &[("status", "open"), ("number", "ABCDEFGH-0001"), ("hosted_invoice_url", "id")]),
    ("invoice.marked_uncollectible", &[("status", "uncollectible")]),
    (
        "invoice.paid",
        &[
            ("amount_paid", "2000"),
            ("amount_remaining", "0"),
            ("customer", "id"),
            ("customer_email", "jenny.rosen@example.com"),
            ("lines.data.0.pricing.price_details.price", "id"),
            ("parent.subscription_details.subscription", "id"),
            ("status", "paid"),
            ("status_transitions.paid_at", "1790000000"),
        ],
    ),
    (
        "invoice.payment_failed",
        &[("status", "open"), ("attempt_count", "1"), ("next_payment_attempt", "1790259200")],
    ),
    ("invoice.payment_succeeded", &[("status", "paid"), ("amount_remaining", "0")]),
    ("invoice.upcoming", &[("status", "draft"), ("billing_reason", "upcoming")]),
    ("invoice.voided", &[("status", "void"), ("status_transitions.voided_at", "1790000000")]),
    (
        "issuing_authorization.request",
        &[("approved", "false"), ("status", "pending"), ("pending_request.amount", "2000"), ("amount", "0")],
    ),
    (
        "payment_intent.amount_capturable_updated",
        &[("amount_capturable", "2000"), ("status", "requires_capture")],
    ),
    ("payment_intent.canceled", &[("status", "canceled"), ("canceled_at", "1790000000")]),
    ("payment_intent.created", &[("status", "requires_payment_method"), ("amount_received", "0")]),
    (
        "payment_intent.payment_failed",
        &[("status", "requires_payment_method"), ("last_payment_error.code", "card_declined")],
    ),
    ("payment_intent.processing", &[("status", "processing")]),
    (
        "payment_intent.requires_action",
        &[("status", "requires_action"), ("next_action.type", "redirect_to_url")],
    ),
    (
        "payment_intent.succeeded",
        &[("status", "succeeded"), ("amount_received", "2000"), ("customer", "id"), ("latest_charge", "id")],
    ),
    ("payment_method.attached", &[("customer", "id"), ("card.last4", "4242")]),
    ("payment_method.detached", &[("customer", "null")]),
    ("payout.failed", &[("status", "failed"), ("failure_code", "account_closed"), ("destination", "id")]),
    ("payout.paid", &[("status", "paid"), ("arrival_date", "1790000000")]),
    ("price.created", &[("recurring.interval", "month"), ("unit_amount", "2000"), ("product", "id")]),
    ("product.created", &[("name", "Gold plan"), ("active", "true")]),
    ("product.deleted", &[("active", "false")]),
    ("promotion_code.created", &[("code", "SUMMER25"), ("promotion.coupon", "id")]),
    ("radar.early_fraud_warning.created", &[("actionable", "true"), ("charge", "id")]),
    ("refund.created", &[("status", "succeeded"), ("charge", "id"), ("payment_intent", "id")]),
    ("refund.failed", &[("status", "failed"), ("failure_reason", "expired_or_canceled_card")]),
    ("review.closed", &[("open", "false"), ("closed_reason", "approved")]),
    (
        "setup_intent.setup_failed",
        &[("status", "requires_payment_method"), ("last_setup_error.type", "invalid_request_error")],
    ),
    ("setup_intent.succeeded", &[("status", "succeeded"), ("customer", "id"), ("payment_method", "id")]),
];

#[test]
fn a_sample_is_in_the_state_that_its_name_says() {
    for (event_type, state) in STATES {
        let event = event(event_type);
        for (path, expected) in *state {
            let pointer = format!("/data/object/{}", path.replace('.', "/"));
            let value = event.pointer(&pointer).unwrap_or_else(|| panic!("{event_type} has no {path}"));
            let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match *expected {
                "id" => assert!(value.is_string(), "{event_type}: {path} is {written}"),
                expected => assert_eq!(written, expected, "{event_type}: {path}"),
            }
        }
    }
}

#[test]
fn samples_of_one_seed_name_the_same_objects() {
    let id = |event_type: &str, pointer: &str| {
        let event = event(event_type);
        event.pointer(&format!("/data/object/{pointer}")).unwrap().as_str().unwrap().to_owned()
    };
    for (event_type, pointer, about, is) in [
        ("checkout.session.completed", "customer", "customer.created", "id"),
        ("checkout.session.completed", "payment_intent", "payment_intent.succeeded", "id"),
        ("payment_intent.succeeded", "latest_charge", "charge.succeeded", "id"),
        ("charge.succeeded", "payment_intent", "payment_intent.succeeded", "id"),
        ("charge.dispute.created", "charge", "charge.succeeded", "id"),
        ("refund.created", "charge", "charge.refunded", "id"),
        ("invoice.paid", "parent/subscription_details/subscription", "customer.subscription.created", "id"),
        ("invoice.paid", "lines/data/0/pricing/price_details/price", "price.created", "id"),
        ("customer.subscription.created", "latest_invoice", "invoice.paid", "id"),
        ("customer.subscription.created", "items/data/0/price/id", "price.created", "id"),
        ("customer.subscription.created", "items/data/0/price/product", "product.created", "id"),
        ("customer.subscription.created", "items/data/0/subscription", "customer.subscription.deleted", "id"),
        ("setup_intent.succeeded", "payment_method", "payment_method.attached", "id"),
        ("promotion_code.created", "promotion/coupon", "coupon.created", "id"),
    ] {
        assert_eq!(id(event_type, pointer), id(about, is), "{event_type}: {pointer}");
    }
}

#[test]
fn every_update_tells_former_values_that_fit_and_are_not_the_present_ones() {
    for known in catalog::snapshot_types().iter().filter(|known| known.name.ends_with(".updated")) {
        let event = event(known.name);
        let former = event["data"]["previous_attributes"].as_object().unwrap();
        assert!(!former.is_empty(), "{}: nothing changed", known.name);
        let fields = &catalog::object(known.objects[0]).unwrap().fields;
        for (name, value) in former {
            assert!(fits(value, fields, name), "{}: {name} was {value}", known.name);
            let now = &event["data"]["object"][name];
            assert_ne!(now, value, "{}: {name} did not change", known.name);
        }
    }
}

/// Whether a field can have been this: null, or what its shape says, of objects only some fields.
fn fits(value: &Value, fields: &[Field], name: &str) -> bool {
    let Some(field) = fields.iter().find(|field| field.name == name) else { return false };
    match (&field.shape, value) {
        (_, Value::Null) => true,
        (Shape::Nested(inner), Value::Object(values)) => {
            values.iter().all(|(name, value)| fits(value, inner, name))
        }
        (Shape::Enum(values), Value::String(value)) => values.contains(&&**value),
        (Shape::Map(_), value) => value.is_object(),
        (Shape::Boolean, value) => value.is_boolean(),
        (Shape::Integer | Shape::Timestamp, value) => value.is_i64(),
        (Shape::String | Shape::Expandable(_), value) => value.is_string(),
        (shape, value) => panic!("{name} was {value}, and is {shape}: say here what fits"),
    }
}

#[test]
fn other_events_that_tell_former_values_are_those_that_were_seen_to() {
    let others: Vec<_> = catalog::snapshot_types()
        .iter()
        .map(|known| known.name)
        .filter(|name| !name.ends_with(".updated") && !event(name)["data"]["previous_attributes"].is_null())
        .collect();
    let expected =
        ["charge.dispute.closed", "payment_method.automatically_updated", "payment_method.detached"];
    assert_eq!(others, expected);
}

#[test]
fn what_was_deleted_is_sent_as_it_was() {
    for known in catalog::snapshot_types().iter().filter(|known| known.name.ends_with(".deleted")) {
        assert!(event(known.name)["data"]["object"].get("deleted").is_none(), "{}", known.name);
    }
}

#[test]
fn no_id_is_that_of_a_deleted_object() {
    for known in catalog::snapshot_types() {
        let body = String::from_utf8(Sample::new(known.name, 5).unwrap().body(NOW)).unwrap();
        assert!(!body.contains("\"deleted_"), "{}: {body}", known.name);
    }
}

#[test]
fn times_are_those_of_the_event() {
    let at = |created: i64| {
        let body = Sample::new("customer.subscription.deleted", 5).unwrap().body(created);
        let event: Value = serde_json::from_slice(&body).unwrap();
        let object = &event["data"]["object"];
        assert_eq!(event["created"], created);
        [&object["ended_at"], &object["created"]].map(|time| time.as_i64().unwrap() - created)
    };
    assert_eq!(at(NOW), [0, -30 * 24 * 60 * 60]);
    assert_eq!(at(NOW), at(NOW + 1_000_000));
}

#[test]
fn the_types_of_one_object_are_in_different_states() {
    for (event_types, field) in [
        (&["invoice.created", "invoice.finalized", "invoice.paid", "invoice.voided"][..], "status"),
        (&["payment_intent.created", "payment_intent.processing", "payment_intent.succeeded"], "status"),
        (&["payout.created", "payout.updated", "payout.paid", "payout.failed"], "status"),
    ] {
        let states: BTreeSet<_> =
            event_types.iter().map(|name| event(name)["data"]["object"][field].to_string()).collect();
        assert_eq!(states.len(), event_types.len(), "{event_types:?}: {states:?}");
    }
    assert_ne!(json!(null), event("invoice.paid")["data"]["object"]["customer"]);
}
