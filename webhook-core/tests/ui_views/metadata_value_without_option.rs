#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(path = "metadata.order_id")]
    order: String,
}

fn main() {}
