use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    payments: Option<serde_json::Value>,
}

fn main() {}
