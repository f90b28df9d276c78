#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!("payment_intent.succeeded", amount = "5");
}

fn main() {}
