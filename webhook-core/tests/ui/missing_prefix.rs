use webhook_core::{Event, on_event};

#[on_event("subscription.deleted")]
async fn paid(_event: Event) {}

fn main() {}
