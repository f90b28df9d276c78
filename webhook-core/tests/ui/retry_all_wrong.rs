use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(attempts = 0, first_delay = "1ms", max_delay = 3, attemps = 1), order = "strict")]
async fn paid(_event: Event) {}

fn main() {}
