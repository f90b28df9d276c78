#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "v1.invoice.upcoming")]
struct Upcoming {
    customer: String,
}

#[on_event("invoice.upcoming")]
async fn upcoming(_event: Event<Upcoming>) {}

fn main() {}
