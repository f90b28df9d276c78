use webhook_core::{StripeObject};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct View {
    #[stripe(path = "last_payment_error.advice_code")]
    advice: String,
}

fn main() {}
