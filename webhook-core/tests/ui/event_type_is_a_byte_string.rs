use webhook_core::{Event, on_event};

#[on_event(b"payment_intent.succeeded")]
async fn paid(_event: Event) {}

fn main() {}
