#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(transparent)]
struct OrderId(String);

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amount: OrderId,
}

fn main() {}
