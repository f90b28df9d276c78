use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(strict, by = "customer", key = "customer", group_by = "customer"))]
async fn paid(_event: Event) {}

fn main() {}
