#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amount_details: Option<std::collections::HashMap<String, i64>>,
}

fn main() {}
