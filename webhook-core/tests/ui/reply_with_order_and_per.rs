use webhook_core::{Event, on_event};

#[on_event("checkout.session.completed", order(serial, per = "customer"), reply)]
async fn paid(_event: Event) {}

fn main() {}
