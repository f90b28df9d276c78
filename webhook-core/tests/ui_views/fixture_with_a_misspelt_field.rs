#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!("payment_intent.succeeded", amout = 5);
}

fn main() {}
