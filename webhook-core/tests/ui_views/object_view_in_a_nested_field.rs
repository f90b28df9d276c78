#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amount_details: Option<Other>,
}

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Other {
    id: String,
}

fn main() {}
