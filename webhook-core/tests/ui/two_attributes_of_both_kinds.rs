use webhook_core::{Event, on_event, on_unhandled};

#[on_event("payment_intent.succeeded")]
#[on_unhandled]
async fn paid(_event: Event) {}

fn main() {}
