#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
struct View {
    id: String,
}

fn main() {}
