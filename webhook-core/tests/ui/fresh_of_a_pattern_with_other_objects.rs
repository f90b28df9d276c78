use webhook_core::{Fresh, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    id: String,
}

#[on_event("v1.charge.*")]
async fn charged(_charge: Fresh<Charge>) {}

fn main() {}
