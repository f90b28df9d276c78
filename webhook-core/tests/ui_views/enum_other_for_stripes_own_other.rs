#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeEnum)]
#[stripe(object = "account", at = "requirements.disabled_reason")]
enum Reason {
    Listed,
    Other,
}

fn main() {}
