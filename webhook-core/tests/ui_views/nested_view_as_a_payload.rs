#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent", at = "amount_details.tip")]
struct Tip {
    amount: Option<i64>,
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<Tip>) {}

fn main() {}
