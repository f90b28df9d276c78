use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    charges: Option<serde_json::Value>,
}

fn main() {}
