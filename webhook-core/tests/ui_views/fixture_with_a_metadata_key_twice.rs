#![allow(dead_code)]
use webhook_core::*;

fn sample() -> Sample {
    fixture!("charge.succeeded", "metadata.a.b" = "1", metadata.a.b = "2")
}

fn main() {}
