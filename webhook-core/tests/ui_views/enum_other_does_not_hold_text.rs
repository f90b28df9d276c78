#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "payment_intent", at = "status")]
enum Status {
    Succeeded,
    Other(u32),
}

fn main() {}
