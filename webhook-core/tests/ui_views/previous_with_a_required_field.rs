#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge", previous)]
struct Before {
    amount: i64,
}

fn main() {}
