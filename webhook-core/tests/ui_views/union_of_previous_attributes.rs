#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "card")]
struct Card {
    last4: String,
}

#[derive(StripeObject)]
#[stripe(previous)]
enum Source {
    Card(Card),
}

fn main() {}
