#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    current_period_end: i64,
    discount: Option<String>,
    #[stripe(path = "items.data[0].price.id")]
    price: String,
}

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    subscription: Option<String>,
    paid: bool,
    payment_intent: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    #[stripe(path = "charges.data[0].receipt_url")]
    receipt: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "checkout.session", at = "shipping_details")]
struct Shipping {
    name: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription_schedule", at = "phases")]
struct Phase {
    coupon: Option<String>,
}

#[on_event("invoice.paid", order(per = "subscription"))]
async fn paid(_event: Event) {}

fn main() {
    let _ = fixture!("customer.subscription.updated", current_period_end = 1);
    let _ = fixture!("invoice.paid", "lines.data.0.price.id" = "price_1");
}
