use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct View {
    #[stripe(path = "pending_update.cancel_at_period_end")]
    cancels: bool,
}

fn main() {}
