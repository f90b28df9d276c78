#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "last_payment_error.payment_method")]
struct View {
    id: String,
}

fn main() {}
