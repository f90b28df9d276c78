#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    latest_charge: Option<Expandable<Refund>>,
}

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    id: String,
}

fn main() {}
