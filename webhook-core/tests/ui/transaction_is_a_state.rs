use webhook_core::{Event, State, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, _tx: &mut State<u32>) {}

fn main() {}
