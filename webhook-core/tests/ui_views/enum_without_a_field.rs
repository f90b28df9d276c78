#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "payment_intent")]
enum Status {
    Succeeded,
    Other(String),
}

fn main() {}
