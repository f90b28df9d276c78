use webhook_core::{Event, on_event};

#[on_event("warehouse.*")]
async fn paid(_event: Event) {}

fn main() {}
