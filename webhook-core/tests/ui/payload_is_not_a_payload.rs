use webhook_core::{Event, on_event};

struct Paid;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<Paid>) {}

fn main() {}
