use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "discount")]
struct View {
    source: Option<serde_json::Value>,
}

fn main() {}
