#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "amount_detail.tip")]
struct View {
    amount: Option<i64>,
}

fn main() {}
