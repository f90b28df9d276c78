use webhook_core::{Event, on_event};

#[on_event("charge.*.created")]
async fn paid(_event: Event) {}

fn main() {}
