use webhook_core::{Event, Transaction, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _tx: &mut impl Transaction) {}

fn main() {}
