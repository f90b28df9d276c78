use webhook_core::{Event, on_event};

#[on_event(timeout = "30s")]
async fn paid(_event: Event) {}

fn main() {}
