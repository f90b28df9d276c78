use webhook_core::{StripeObject, Timestamp};

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct View {
    current_period_end: Option<Timestamp>,
}

fn main() {}
