#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    id: String,
}

#[on_event("charge.*")]
async fn charged(_event: Event<Charge>) {}

fn main() {}
