use webhook_core::{Event, on_event};

#[on_event("charge.disputes.*")]
async fn paid(_event: Event) {}

fn main() {}
