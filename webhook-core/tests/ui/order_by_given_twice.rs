use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order_by = "customer", order_by = "id")]
async fn paid(_event: Event) {}

fn main() {}
