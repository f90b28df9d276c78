use webhook_core::{Event, Notification, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _notification: Notification) {}

fn main() {}
