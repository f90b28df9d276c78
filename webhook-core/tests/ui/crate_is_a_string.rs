use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", crate = "webhook_core")]
async fn paid(_event: Event) {}

fn main() {}
