use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    parent: Option<serde_json::Value>,
}

fn main() {}
