use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(jitter = 2))]
async fn paid(_event: Event) {}

fn main() {}
