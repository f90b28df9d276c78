#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "status")]
enum Status {
    Succeeded,
    Other(String),
}

fn main() {}
