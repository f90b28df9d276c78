use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct View {
    subscripton: Option<String>,
}

fn main() {}
