use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async extern "C" fn paid(_event: Event) {}

fn main() {}
