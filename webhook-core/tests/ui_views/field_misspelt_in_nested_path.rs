#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(path = "amount_details.tipp.amount")]
    tip: Option<i64>,
}

fn main() {}
