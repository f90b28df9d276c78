#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    amout: i64,
    currency: String,
    #[stripe(path = "metadata.a", pth = "x")]
    order: Option<String>,
    stauts: String,
}

fn main() {}
