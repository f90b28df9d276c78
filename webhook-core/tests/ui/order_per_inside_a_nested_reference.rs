use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(per = "transfer_data.destination.id"))]
async fn paid(_event: Event) {}

fn main() {}
