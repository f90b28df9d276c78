use webhook_core::{Event, on_event};

#[on_event("charge.dispute.*", "charge.dispute.created")]
async fn paid(_event: Event) {}

fn main() {}
