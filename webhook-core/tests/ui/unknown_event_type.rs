use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeded")]
async fn paid(_event: Event) {}

fn main() {}
