#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(transparent)]
struct OrderId(String, String);

fn main() {}
