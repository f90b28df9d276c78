//! What an attribute says of its handler's runs stands in the registry.

#![deny(warnings)]

use std::time::Duration;

use webhook_core::{Event, HandlerError, Order, Policy, Registry, Reply, Retry, on_event, on_unhandled};

#[on_event("invoice.paid")]
async fn silent(_event: Event) {}

#[on_event(
    "payment_intent.succeeded",
    "charge.succeeded",
    timeout = "10s",
    retry(max = 12, first = "7s", cap = "1h"),
    order = strict,
    order_by = "customer"
)]
async fn all(_event: Event) -> Result<(), HandlerError> {
    Ok(())
}

#[on_event("invoice.paid", retry(max = 1,))]
async fn once(_event: Event) {}

#[on_event("invoice.paid", retry(max = 1000, first = "6h"))]
async fn first_alone(_event: Event) {}

#[on_event("invoice.paid", retry(cap = "5s"), order = serial)]
async fn cap_alone(_event: Event) {}

#[on_event("invoice.paid", retry(first = "1s", cap = "1s"), order = none)]
async fn shortest(_event: Event) {}

#[on_event("invoice.paid", retry(first = "1d", cap = "24h"), order_by = "id",)]
async fn longest(_event: Event) {}

#[on_event("payment_intent.*", order_by = "metadata.order")]
async fn by_metadata(_event: Event) {}

#[on_event("payment_intent.*", order_by = "metadata.Order No. 1.5")]
async fn by_metadata_with_dots(_event: Event) {}

#[on_event("charge.succeeded", order_by = "billing_details.email")]
async fn by_text_inside(_event: Event) {}

#[on_event("charge.succeeded", order_by = "status")]
async fn by_enum(_event: Event) {}

/// A bank account has this field and a card has not: one of the objects is enough.
#[on_event("account.external_account.*", order_by = "account_holder_name")]
async fn by_field_of_one_object(_event: Event) {}

#[on_event("customer.subscription.*", order_group = "subscription")]
async fn grouped(_event: Event) {}

#[on_event(
    "invoice.paid",
    order = strict,
    order_by = "parent.subscription_details.subscription",
    order_group = "strict-subscription"
)]
async fn grouped_by_a_field(_event: Event) {}

#[on_event("issuing_authorization.request", reply)]
async fn decide(_event: Event) -> Result<Reply, HandlerError> {
    Reply::json(&true)
}

#[on_event("issuing_authorization.request", "checkout.session.completed", retry(first = "3s"), timeout = "2s", reply)]
async fn decide_again(_event: Event) -> Reply {
    unreachable!()
}

#[on_event(reply, "checkout.session.completed", timeout = "10s")]
async fn redirect(_event: Event) {}

#[on_event("checkout.session.completed", reply)]
async fn redirect_with_a_body(_event: Event) -> Result<Reply, HandlerError> {
    Reply::json(&true)
}

#[on_unhandled(retry(max = 3), order = none, timeout = "1s")]
async fn note(_event: Event) {}

fn policy(name: &str) -> Policy {
    let registry = Registry::linked();
    let id = format!("{}::{name}", module_path!());
    let found = registry.registrations().iter().find(|registration| registration.id == id);
    found.unwrap_or_else(|| panic!("{name} is not linked")).policy
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn main() {
    const SILENT: Policy = Policy::DEFAULT;
    const RETRY: Retry = Retry::DEFAULT;
    const HOUR: u64 = 3600;

    let all = Policy {
        timeout: Some(seconds(10)),
        retry: Retry { max: 12, first: seconds(7), cap: seconds(HOUR) },
        order: Order::Strict,
        order_by: Some("customer"),
        order_group: None,
        replies: false,
    };
    let retry = |retry| Policy { retry, ..SILENT };
    let by = |path| Policy { order_by: Some(path), ..SILENT };
    let replying = Policy { order: Order::Unordered, replies: true, ..SILENT };
    let expected = [
        ("silent", SILENT),
        ("all", all),
        ("once", retry(Retry { max: 1, ..RETRY })),
        ("first_alone", retry(Retry { max: 1000, first: seconds(6 * HOUR), ..RETRY })),
        ("cap_alone", retry(Retry { cap: seconds(5), ..RETRY })),
        (
            "shortest",
            Policy { order: Order::Unordered, ..retry(Retry { first: seconds(1), cap: seconds(1), ..RETRY }) },
        ),
        (
            "longest",
            Policy {
                retry: Retry { first: seconds(24 * HOUR), cap: seconds(24 * HOUR), ..RETRY },
                ..by("id")
            },
        ),
        ("by_metadata", by("metadata.order")),
        ("by_metadata_with_dots", by("metadata.Order No. 1.5")),
        ("by_text_inside", by("billing_details.email")),
        ("by_enum", by("status")),
        ("by_field_of_one_object", by("account_holder_name")),
        ("grouped", Policy { order_group: Some("subscription"), ..SILENT }),
        (
            "grouped_by_a_field",
            Policy {
                order: Order::Strict,
                order_group: Some("strict-subscription"),
                ..by("parent.subscription_details.subscription")
            },
        ),
        // What a second run decides, nobody reads.
        ("decide", Policy { retry: Retry { max: 1, ..RETRY }, ..replying }),
        (
            "decide_again",
            Policy { timeout: Some(seconds(2)), retry: Retry { first: seconds(3), ..RETRY }, ..replying },
        ),
        ("redirect", Policy { timeout: Some(seconds(10)), ..replying }),
        ("redirect_with_a_body", replying),
        (
            "note",
            Policy {
                timeout: Some(seconds(1)),
                retry: Retry { max: 3, ..RETRY },
                order: Order::Unordered,
                ..SILENT
            },
        ),
    ];
    for (name, expected) in expected {
        assert_eq!(policy(name), expected, "{name}");
    }
    assert_eq!(Registry::linked().registrations().len(), expected.len());
}
