use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(attempts = 3 first_delay = "5s"))]
async fn paid(_event: Event) {}

fn main() {}
