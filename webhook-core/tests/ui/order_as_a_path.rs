use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order = Order::None)]
async fn paid(_event: Event) {}

fn main() {}
