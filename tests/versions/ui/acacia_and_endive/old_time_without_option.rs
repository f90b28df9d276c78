use webhook_core::{StripeObject, Timestamp};

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    current_period_end: Timestamp,
}

fn main() {}
