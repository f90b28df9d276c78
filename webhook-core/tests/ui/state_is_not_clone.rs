use webhook_core::{State, on_event};

struct Orders;

#[on_event("payment_intent.succeeded")]
async fn paid(_orders: State<Orders>) {}

fn main() {}
