//! The registry has what an attribute says about its handler's runs.

#![deny(warnings)]

use std::time::Duration;

use webhook_core::{Event, HandlerError, Order, OrderMode, Policy, Registry, Reply, Retry, on_event, on_unhandled};

#[on_event("invoice.paid")]
async fn silent(_event: Event) {}

#[on_event(
    "payment_intent.succeeded",
    "charge.succeeded",
    timeout = "10s",
    retry(attempts = 12, first_delay = "7s", max_delay = "1h"),
    order(strict, per = "customer")
)]
async fn all(_event: Event) -> Result<(), HandlerError> {
    Ok(())
}

#[on_event("invoice.paid", retry(attempts = 1,))]
async fn once(_event: Event) {}

#[on_event("invoice.paid", retry(attempts = 1000, first_delay = "6h"))]
async fn first_delay_alone(_event: Event) {}

#[on_event("invoice.paid", retry(max_delay = "5s"), order = serial)]
async fn max_delay_alone(_event: Event) {}

#[on_event("invoice.paid", retry(first_delay = "1s", max_delay = "1s"), order = unordered)]
async fn shortest(_event: Event) {}

#[on_event("invoice.paid", retry(first_delay = "1d", max_delay = "24h"), order(per = "id"),)]
async fn longest(_event: Event) {}

#[on_event("payment_intent.*", order(per = "metadata.order"))]
async fn by_metadata(_event: Event) {}

#[on_event("payment_intent.*", order(per = "metadata.Order No. 1.5"))]
async fn by_metadata_with_dots(_event: Event) {}

#[on_event("charge.succeeded", order(per = "billing_details.email"))]
async fn by_text_inside(_event: Event) {}

#[on_event("charge.succeeded", order(per = "status"))]
async fn by_enum(_event: Event) {}

/// A bank account has this field and a card has not: one of the objects is enough.
#[on_event("account.external_account.*", order(per = "account_holder_name"))]
async fn by_field_of_one_object(_event: Event) {}

#[on_event("customer.subscription.*", order(group = "subscription"))]
async fn grouped(_event: Event) {}

#[on_event(
    "invoice.paid",
    order(per = "parent.subscription_details.subscription", group = "strict-subscription", strict,)
)]
async fn grouped_by_a_field(_event: Event) {}

#[on_event("issuing_authorization.request", reply)]
async fn decide(_event: Event) -> Result<Reply, HandlerError> {
    Reply::json(&true)
}

#[on_event("issuing_authorization.request", "checkout.session.completed", retry(first_delay = "3s"), timeout = "2s", reply)]
async fn decide_again(_event: Event) -> Reply {
    unreachable!()
}

#[on_event(reply, "checkout.session.completed", timeout = "10s")]
async fn redirect(_event: Event) {}

#[on_event("checkout.session.completed", reply)]
async fn redirect_with_a_body(_event: Event) -> Result<Reply, HandlerError> {
    Reply::json(&true)
}

#[on_unhandled(retry(attempts = 3), order(unordered), timeout = "1s")]
async fn note(_event: Event) {}

fn policy(name: &str) -> Policy {
    let registry = Registry::linked();
    let id = format!("{}::{name}", module_path!());
    registry.get(&id).unwrap_or_else(|| panic!("{name} is not linked")).policy
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn main() {
    const SILENT: Policy = Policy::DEFAULT;
    const RETRY: Retry = Retry::DEFAULT;
    const ORDER: Order = Order::DEFAULT;
    const HOUR: u64 = 3600;

    let all = Policy {
        timeout: Some(seconds(10)),
        retry: Retry { attempts: 12, first_delay: seconds(7), max_delay: seconds(HOUR) },
        order: Order { mode: OrderMode::Strict, per: Some("customer"), group: None },
        replies: false,
    };
    let retry = |retry| Policy { retry, ..SILENT };
    let order = |order| Policy { order, ..SILENT };
    let per = |path| order(Order { per: Some(path), ..ORDER });
    let unordered = Order { mode: OrderMode::Unordered, ..ORDER };
    let replying = Policy { replies: true, ..order(unordered) };
    let expected = [
        ("silent", SILENT),
        ("all", all),
        ("once", retry(Retry { attempts: 1, ..RETRY })),
        ("first_delay_alone", retry(Retry { attempts: 1000, first_delay: seconds(6 * HOUR), ..RETRY })),
        ("max_delay_alone", retry(Retry { max_delay: seconds(5), ..RETRY })),
        (
            "shortest",
            Policy { order: unordered, ..retry(Retry { first_delay: seconds(1), max_delay: seconds(1), ..RETRY }) },
        ),
        (
            "longest",
            Policy {
                retry: Retry { first_delay: seconds(24 * HOUR), max_delay: seconds(24 * HOUR), ..RETRY },
                ..per("id")
            },
        ),
        ("by_metadata", per("metadata.order")),
        ("by_metadata_with_dots", per("metadata.Order No. 1.5")),
        ("by_text_inside", per("billing_details.email")),
        ("by_enum", per("status")),
        ("by_field_of_one_object", per("account_holder_name")),
        ("grouped", order(Order { group: Some("subscription"), ..ORDER })),
        (
            "grouped_by_a_field",
            order(Order {
                mode: OrderMode::Strict,
                per: Some("parent.subscription_details.subscription"),
                group: Some("strict-subscription"),
            }),
        ),
        // Stripe does not read what a second run decides.
        ("decide", Policy { retry: Retry { attempts: 1, ..RETRY }, ..replying }),
        (
            "decide_again",
            Policy { timeout: Some(seconds(2)), retry: Retry { first_delay: seconds(3), ..RETRY }, ..replying },
        ),
        ("redirect", Policy { timeout: Some(seconds(10)), ..replying }),
        ("redirect_with_a_body", replying),
        (
            "note",
            Policy {
                timeout: Some(seconds(1)),
                retry: Retry { attempts: 3, ..RETRY },
                order: unordered,
                ..SILENT
            },
        ),
    ];
    for (name, expected) in expected {
        assert_eq!(policy(name), expected, "{name}");
    }
    assert_eq!(Registry::linked().registrations().len(), expected.len());
}
