use std::cell::Cell;

use webhook_core::{Event, State, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, State(_count): State<Cell<u32>>) {}

fn main() {}
