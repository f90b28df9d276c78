use webhook_core::{Fresh, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    id: String,
}

#[on_event("v1.payment_intent.succeeded")]
async fn paid(_charge: Fresh<Charge>) {}

fn main() {}
