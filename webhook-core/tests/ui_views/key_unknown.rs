#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(objekt = "payment_intent")]
struct View {
    id: String,
}

fn main() {}
