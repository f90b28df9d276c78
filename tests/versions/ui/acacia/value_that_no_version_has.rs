use webhook_core::StripeEnum;

#[derive(StripeEnum)]
#[stripe(object = "checkout.session", at = "customer_creation")]
enum Creation {
    Never,
    Other(String),
}

fn main() {}
