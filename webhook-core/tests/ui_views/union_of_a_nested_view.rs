#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = "card")]
struct Card {
    brand: String,
}

#[derive(StripeObject)]
enum Source {
    Card(Card),
}

fn main() {}
