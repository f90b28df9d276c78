use webhook_core::{Event, on_event};

#[on_event("order.shipped")]
async fn paid(_event: Event) {}

fn main() {}
