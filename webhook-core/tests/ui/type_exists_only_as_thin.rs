use webhook_core::{Event, on_event};

#[on_event("price.activated")]
async fn paid(_event: Event) {}

fn main() {}
