use webhook_core::{Event, on_event};

#[on_event("v2.core.account.created")]
async fn paid(_event: Event) {}

fn main() {}
