#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "customer")]
struct Customer {
    id: String,
}

#[derive(StripeObject)]
#[stripe(object = "charge", previous)]
struct Before {
    customer: Option<Expandable<Customer>>,
}

fn main() {}
