use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max_delay = "4s"))]
async fn paid(_event: Event) {}

fn main() {}
