use webhook_core::{Event, on_event};

#[on_event("v1.charge.*")]
async fn paid(_event: Event) {}

fn main() {}
