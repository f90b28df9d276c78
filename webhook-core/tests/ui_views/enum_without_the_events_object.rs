#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "card")]
struct Card {
    id: String,
}

#[derive(StripeObject)]
enum Source {
    Card(Card),
}

#[on_event("payout.paid")]
async fn paid(_event: Event<Source>) {}

fn main() {}
