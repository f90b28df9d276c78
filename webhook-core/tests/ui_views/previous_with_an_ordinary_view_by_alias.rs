#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = "card")]
struct Card {
    exp_month: i64,
}

type Former = Option<Card>;

#[derive(StripeObject)]
#[stripe(object = "payment_method", previous)]
struct Before {
    card: Former,
}

fn main() {}
