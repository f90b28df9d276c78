use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", "v1.payment_intent.succeeded")]
async fn paid(_event: Event) {}

fn main() {}
