#![allow(dead_code)]
use webhook_core::*;

fn sample() -> Sample {
    fixture!("payment_intent.succeeded", "shipping.name" = "Ada", shipping = null)
}

fn main() {}
