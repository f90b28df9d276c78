#![allow(dead_code)]
use webhook_core::*;

fn sample() -> Sample {
    fixture!("customer.source.created", last4 = "0005", object = "card")
}

fn main() {}
