use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(attempts = 3), retry(first_delay = "9s"))]
async fn paid(_event: Event) {}

fn main() {}
