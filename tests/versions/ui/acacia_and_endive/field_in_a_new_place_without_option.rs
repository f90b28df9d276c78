use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    #[stripe(path = "billing_mode.type")]
    mode: String,
}

fn main() {}
