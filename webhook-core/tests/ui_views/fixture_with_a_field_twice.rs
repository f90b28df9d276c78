#![allow(dead_code)]
use webhook_core::*;

fn sample() -> Sample {
    fixture!("charge.succeeded", amount = 1, "amount" = 2)
}

fn main() {}
