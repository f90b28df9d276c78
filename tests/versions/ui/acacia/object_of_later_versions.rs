use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice_payment")]
struct View {
    id: String,
}

fn main() {}
