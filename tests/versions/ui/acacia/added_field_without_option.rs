use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    billing_mode: serde_json::Map<String, serde_json::Value>,
}

fn main() {}
