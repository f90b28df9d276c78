use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(attempts = 3, max_delay = "1h", attempts = 4))]
async fn paid(_event: Event) {}

fn main() {}
