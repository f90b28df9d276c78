use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", attempts = 3, first_delay = "5s", max_delay = "1h", max_attempts = 3)]
async fn paid(_event: Event) {}

fn main() {}
