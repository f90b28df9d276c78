use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(strict, weight = 2))]
async fn paid(_event: Event) {}

fn main() {}
