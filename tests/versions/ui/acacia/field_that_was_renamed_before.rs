use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "product")]
struct View {
    features: Option<serde_json::Value>,
}

fn main() {}
