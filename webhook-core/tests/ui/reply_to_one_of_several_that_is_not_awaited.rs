use webhook_core::{Event, on_event};

#[on_event("checkout.session.completed", "charge.succeeded", reply)]
async fn paid(_event: Event) {}

fn main() {}
