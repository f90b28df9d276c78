#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "payment_intent", at = "status")]
enum Status {
    Succeeded,
    #[stripe(rename = processing)]
    Busy,
    Other(String),
}

fn main() {}
