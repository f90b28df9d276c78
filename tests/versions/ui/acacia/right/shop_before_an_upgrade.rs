//! A shop that reads invoices and subscriptions, before it is upgraded from acacia to endive: see `docs/api-versions.md`.

use webhook_core::{Event, StripeObject, fixture, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    id: String,
    subscription: Option<String>,
    charge: Option<String>,
    paid: bool,
    tax: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    id: String,
    status: String,
    current_period_end: webhook_core::Timestamp,
}

#[on_event("invoice.paid")]
async fn paid(event: Event<Invoice>) {
    let Invoice { id, subscription, charge, paid, tax } = event.object;
    println!("{id} of {subscription:?}, {charge:?}: {paid}, with tax {tax:?}");
}

#[on_event("customer.subscription.updated")]
async fn updated(event: Event<Subscription>) {
    let Subscription { id, status, current_period_end } = event.object;
    println!("{id} is {status} until {current_period_end}");
}

fn main() {
    let paid: Event<Invoice> = fixture!("invoice.paid").event().unwrap();
    assert!(paid.object.subscription.is_some() && paid.object.paid);
    let updated: Event<Subscription> = fixture!("customer.subscription.updated").event().unwrap();
    assert!(updated.object.id.starts_with("sub_"));
}
