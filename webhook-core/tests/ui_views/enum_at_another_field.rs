#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "payment_intent", at = "status")]
enum Status {
    Succeeded,
    Other(String),
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    capture_method: Status,
}

fn main() {}
