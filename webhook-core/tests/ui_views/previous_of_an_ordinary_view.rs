#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Before {
    amount: Option<i64>,
}

fn before(event: &Event) {
    let _ = event.previous::<Before>();
}

fn main() {}
