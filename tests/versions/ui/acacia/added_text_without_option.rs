use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "customer")]
struct View {
    business_name: String,
}

fn main() {}
