use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order = random)]
async fn paid(_event: Event) {}

fn main() {}
