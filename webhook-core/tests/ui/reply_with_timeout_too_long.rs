use webhook_core::{Event, on_event};

#[on_event("checkout.session.completed", reply, timeout = "11s")]
async fn paid(_event: Event) {}

fn main() {}
