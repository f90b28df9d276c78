use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max = 12, max_attempts = 12, times = 12, retries = 12))]
async fn paid(_event: Event) {}

#[on_event("payment_intent.succeeded", retry(first = "5s", initial = "5s", backoff = "5s", cap = "1h"))]
async fn shipped(_event: Event) {}

fn main() {}
