#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
enum Source {
    Card(String),
}

fn main() {}
