use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
#[on_event("invoice.paid")]
async fn paid(_event: Event) {}

fn main() {}
