#![allow(dead_code)]
use webhook_core::*;

fn test(amount: String) {
    let _ = fixture!("payment_intent.succeeded", amount = amount);
}

fn main() {}
