use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(per = "created"))]
async fn paid(_event: Event) {}

fn main() {}
