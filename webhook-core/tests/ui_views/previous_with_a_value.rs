#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge", previous = true)]
struct Paid {
    id: Option<String>,
}

fn main() {}
