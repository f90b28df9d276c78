#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amount_details: Option<Tip>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "amount_details.tip")]
struct Tip {
    amount: Option<i64>,
}

fn main() {}
