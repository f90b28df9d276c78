#![allow(dead_code)]
use webhook_core::*;

struct Amount(i64);

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amount: Amount,
}

fn main() {}
