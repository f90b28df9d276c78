#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "tax_rate")]
struct View {
    percentage: i64,
}

fn main() {}
