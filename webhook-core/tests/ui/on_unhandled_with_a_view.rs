#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    id: String,
}

#[on_unhandled]
async fn note(_event: Event<Charge>) {}

fn main() {}
