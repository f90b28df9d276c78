#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = card)]
struct Card {
    brand: String,
}

fn main() {}
