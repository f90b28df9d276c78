use webhook_core::{Event, on_event};

#[derive(Clone)]
struct Orders;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _orders: Orders) {}

fn main() {}
