#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    items: List<Price>,
}

#[derive(StripeObject)]
#[stripe(object = "price")]
struct Price {
    id: String,
}

fn main() {}
