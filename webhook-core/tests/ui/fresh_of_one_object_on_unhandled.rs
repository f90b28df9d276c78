use webhook_core::{Fresh, StripeObject, on_unhandled};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
}

#[on_unhandled]
async fn rest(_payment: Fresh<Payment>) {}

fn main() {}
