use webhook_core::{Event, on_event};

#[on_event("charge*")]
async fn paid(_event: Event) {}

fn main() {}
