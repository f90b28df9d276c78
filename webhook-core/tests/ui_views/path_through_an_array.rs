#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(path = "payment_method_types.first")]
    first: String,
}

fn main() {}
