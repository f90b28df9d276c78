#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Paid {
    #[stripe(path)]
    order: Option<String>,
}

fn main() {}
