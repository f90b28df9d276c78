#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = 5)]
struct View {
    id: String,
}

fn main() {}
