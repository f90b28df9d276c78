use webhook_core::{Event, on_event};

#[on_event("checkout.session.completed", order(group = "checkout"), reply)]
async fn redirect(_event: Event) {}

fn main() {}
