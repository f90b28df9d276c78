#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "card")]
struct Card {
    id: String,
}

#[derive(StripeObject)]
#[stripe(object = "card")]
enum Source {
    Card(Card),
}

fn main() {}
