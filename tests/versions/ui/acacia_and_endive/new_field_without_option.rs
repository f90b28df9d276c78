use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    amount_overpaid: i64,
}

fn main() {}
