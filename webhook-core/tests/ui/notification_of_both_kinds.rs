use webhook_core::{Notification, on_event};

#[on_event("payment_intent.succeeded", "v1.payment_intent.succeeded")]
async fn paid(_notification: Notification) {}

fn main() {}
