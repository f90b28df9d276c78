#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    #[stripe(path = "items.data.price")]
    price: Option<String>,
}

fn main() {}
