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
}

#[derive(StripeObject)]
#[stripe(object = "customer", previous)]
struct Before {
    default_source: Option<Expandable<Source>>,
}

fn main() {}
