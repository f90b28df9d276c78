use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(per = "customer", per = "id"))]
async fn paid(_event: Event) {}

fn main() {}
