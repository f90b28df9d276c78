#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
enum Source {}

fn main() {}
