use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max = 99999999999999999999999999))]
async fn paid(_event: Event) {}

fn main() {}
