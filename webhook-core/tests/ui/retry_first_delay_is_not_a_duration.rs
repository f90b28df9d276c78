use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(first_delay = "soon"))]
async fn paid(_event: Event) {}

fn main() {}
