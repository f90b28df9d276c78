use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeded")]
#[on_event("invoice.payd")]
fn paid(_event: Event) {}

fn main() {}
