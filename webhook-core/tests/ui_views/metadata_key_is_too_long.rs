#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Paid {
    #[stripe(path = "metadata.the_number_of_the_order_in_our_own_shop.1")]
    order: Option<String>,
}

fn main() {}
