use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "billing.alert")]
struct View {
    usage_threshold: Option<serde_json::Value>,
}

fn main() {}
