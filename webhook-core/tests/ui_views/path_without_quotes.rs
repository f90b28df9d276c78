#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Paid {
    #[stripe(path = metadata.order_id)]
    order: Option<String>,
}

fn main() {}
