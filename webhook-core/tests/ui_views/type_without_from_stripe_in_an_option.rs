#![allow(dead_code)]
use webhook_core::*;

struct Note(String);

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    description: Option<Note>,
}

fn main() {}
