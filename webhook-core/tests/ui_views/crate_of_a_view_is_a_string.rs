#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge", crate = "webhook_core")]
struct Paid {
    id: Option<String>,
}

fn main() {}
