use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _tx: &mut u32) {}

fn main() {}
