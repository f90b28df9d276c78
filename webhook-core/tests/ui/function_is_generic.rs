use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid<T>(_event: Event<T>) {}

fn main() {}
