#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    id: String,
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<Refund>) {}

fn main() {}
