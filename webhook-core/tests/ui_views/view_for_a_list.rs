#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    items: Item,
}

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    id: String,
}

fn main() {}
