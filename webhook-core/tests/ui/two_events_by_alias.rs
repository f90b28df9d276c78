use webhook_core::{Event, on_event};

type Paid = Event;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _again: Paid) {}

fn main() {}
