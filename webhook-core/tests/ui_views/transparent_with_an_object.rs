#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(transparent, object = "charge")]
struct OrderId(String);

fn main() {}
