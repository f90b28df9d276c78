#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
enum Status {
    Succeeded,
    RequiresAction,
}

fn main() {}
