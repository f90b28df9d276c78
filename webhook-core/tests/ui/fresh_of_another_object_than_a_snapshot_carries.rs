use webhook_core::{Fresh, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
}

#[on_event("invoice.paid")]
async fn paid(_payment: Fresh<Payment>) {}

fn main() {}
