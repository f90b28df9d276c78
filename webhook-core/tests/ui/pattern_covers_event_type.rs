use webhook_core::{Event, on_event};

#[on_event("charge.dispute.created", "charge.dispute.*")]
async fn paid(_event: Event) {}

fn main() {}
