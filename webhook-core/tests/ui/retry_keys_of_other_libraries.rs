use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max = 12, first = "5s", cap = "1h"))]
async fn paid(_event: Event) {}

fn main() {}
