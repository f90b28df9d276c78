#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "price")]
struct View {
    unit_amount_decimal: Option<i64>,
}

fn main() {}
