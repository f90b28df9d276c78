#![allow(dead_code)]
use webhook_core::*;

fn fixture() {
    let _ = fixture!("charge.succeeded", "metadata." = "o_1");
}

fn main() {}
