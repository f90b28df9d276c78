use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "promotion_code")]
struct View {
    coupon: serde_json::Map<String, serde_json::Value>,
}

fn main() {}
