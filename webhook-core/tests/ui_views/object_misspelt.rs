#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intents")]
struct View {
    id: String,
}

fn main() {}
