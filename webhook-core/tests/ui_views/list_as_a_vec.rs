#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    id: String,
}

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    items: Vec<Item>,
}

fn main() {}
