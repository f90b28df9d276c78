#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!(amount = 5);
}

fn main() {}
