use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    total_taxes: Vec<serde_json::Value>,
}

fn main() {}
