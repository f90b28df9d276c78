#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent.succeeded")]
struct View {
    id: String,
}

fn main() {}
