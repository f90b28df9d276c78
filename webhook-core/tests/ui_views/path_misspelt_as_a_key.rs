#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Paid {
    #[stripe(pth = "amount")]
    order: Option<String>,
}

fn main() {}
