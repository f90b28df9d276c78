use webhook_core::{Event, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "payout")]
struct Payout {}

#[on_event("charge.succeeded", unlisted("order.created"))]
async fn ordered(_event: Event<Payout>) {}

fn main() {}
