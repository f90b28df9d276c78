use webhook_core::{Event, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
}

#[on_event("v1.payment_intent.succeeded")]
async fn paid(_event: Event<Payment>) {}

fn main() {}
