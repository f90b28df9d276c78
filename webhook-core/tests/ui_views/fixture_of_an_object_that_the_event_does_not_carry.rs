#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!("customer.source.created", object = "charge");
}

fn main() {}
