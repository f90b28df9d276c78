use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    #[stripe(path = "parent.subscription_details.subscription")]
    subscription: Option<String>,
}

fn main() {}
