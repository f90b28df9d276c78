use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_tx: &mut Event) {}

fn main() {}
