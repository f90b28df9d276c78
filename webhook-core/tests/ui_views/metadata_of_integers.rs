#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    metadata: std::collections::HashMap<String, i64>,
}

fn main() {}
