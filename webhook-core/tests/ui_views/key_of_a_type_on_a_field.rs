#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(object = "charge")]
    id: String,
}

fn main() {}
