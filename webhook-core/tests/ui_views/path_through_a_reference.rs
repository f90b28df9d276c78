#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(path = "customer.email")]
    email: Option<String>,
}

fn main() {}
