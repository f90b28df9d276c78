use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max = 3, cap = "1h", max = 4))]
async fn paid(_event: Event) {}

fn main() {}
