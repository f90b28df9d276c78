use webhook_core::{Event, on_event};

#[on_event("checkout.session.completed", reply, order = strict)]
async fn paid(_event: Event) {}

fn main() {}
