use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice", at = "parent")]
struct View {
    r#type: String,
}

fn main() {}
