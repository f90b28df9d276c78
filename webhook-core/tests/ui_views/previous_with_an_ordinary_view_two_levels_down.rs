#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = "card.checks")]
struct Checks {
    cvc_check: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = "card", previous)]
struct Card {
    checks: Option<Checks>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_method", previous)]
struct Before {
    card: Option<Card>,
}

fn main() {}
