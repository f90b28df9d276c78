#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "amount_details.tip")]
struct View {
    amont: Option<i64>,
}

fn main() {}
