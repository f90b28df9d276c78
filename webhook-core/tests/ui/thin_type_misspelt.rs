use webhook_core::{Event, on_event};

#[on_event("v2.core.acount.created")]
async fn paid(_event: Event) {}

fn main() {}
