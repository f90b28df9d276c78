use webhook_core::{Notification, on_event};

#[on_event("v1.payment_intent.succeeded")]
async fn paid(_notification: Notification<serde_json::Value>) {}

fn main() {}
