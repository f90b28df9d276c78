use webhook_core::{Event, on_event};

#[on_event("customer.subscription.pending_update_aplied")]
async fn paid(_event: Event) {}

fn main() {}
