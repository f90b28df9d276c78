use webhook_core::{Event, StripeObject, Timestamp, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    subscription: Option<String>,
    charge: Option<String>,
    tax: Option<i64>,
    paid: bool,
}
#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    current_period_end: Timestamp,
    // Stripe added them later, and sends them to endpoints of this version, too.
    billing_mode: Option<serde_json::Value>,
    customer_account: Option<String>,
}

#[on_event("invoice.paid")]
async fn paid(event: Event<Invoice>) {}

#[on_event("customer.subscription.updated")]
async fn updated(event: Event<Subscription>) {}

fn main() {}
