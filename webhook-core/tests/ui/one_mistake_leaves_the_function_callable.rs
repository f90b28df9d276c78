use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeded")]
async fn paid(_event: Event) {}

/// Calls the handler, as a test would.
pub async fn call(event: Event) {
    paid(event).await;
}

fn main() {}
