#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(transparent, previous)]
struct Id(String);

fn main() {}
