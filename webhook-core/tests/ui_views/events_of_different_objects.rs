#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    id: String,
}

#[on_event("refund.created", "charge.refunded")]
async fn refunded(_event: Event<Refund>) {}

fn main() {}
