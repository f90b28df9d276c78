#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    id: String,
}

#[on_event("customer.source.created")]
async fn added(_event: Event<Refund>) {}

fn main() {}
