#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View<A> {
    amount: A,
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<View<String>>) {}

fn main() {}
