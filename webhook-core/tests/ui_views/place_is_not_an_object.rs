#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "amount")]
struct View {
    value: i64,
}

fn main() {}
