#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "card")]
struct Card {
    last4: String,
}

#[derive(StripeObject)]
enum Source {
    Card(Card),
    Again(Card),
}

fn main() {}
