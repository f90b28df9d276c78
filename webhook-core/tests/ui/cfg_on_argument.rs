use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(#[cfg(unix)] _event: Event) {}

fn main() {}
