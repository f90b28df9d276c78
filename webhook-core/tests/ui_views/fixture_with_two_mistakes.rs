#![allow(dead_code)]
use webhook_core::*;

fn sample() -> Sample {
    fixture!("charge.succeeded", amont = 1, piad = true)
}

fn main() {}
