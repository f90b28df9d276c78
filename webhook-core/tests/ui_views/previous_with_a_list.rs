#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    id: String,
}

#[derive(StripeObject)]
#[stripe(object = "subscription", previous)]
struct Before {
    items: Option<List<Item>>,
}

fn main() {}
