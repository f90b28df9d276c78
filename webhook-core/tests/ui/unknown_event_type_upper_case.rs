use webhook_core::{Event, on_event};

#[on_event("PAYMENT_INTENT.SUCCEEDED")]
async fn paid(_event: Event) {}

fn main() {}
