#![allow(dead_code)]
use webhook_core::*;

fn test() {
    let _ = fixture!("charge.*");
}

fn main() {}
