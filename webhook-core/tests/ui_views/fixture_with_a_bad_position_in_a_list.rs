#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!("customer.subscription.created", "items.data.first.quantity" = 5);
}

fn main() {}
