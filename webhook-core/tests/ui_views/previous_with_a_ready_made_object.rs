#![allow(dead_code)]
use webhook_core::*;

objects! {
    mod stripe { price, product }
}

#[derive(StripeObject)]
#[stripe(object = "product", previous)]
struct Before {
    default_price: Option<Expandable<stripe::Price>>,
}

fn main() {}
