use webhook_core::{Event, on_event};

#[on_event("refund.failed")]
async fn failed(event: Event) {}

fn main() {}
