#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object)]
struct View {
    id: String,
}

fn main() {}
