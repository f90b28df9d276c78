use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeded", timeout = "soon")]
fn paid<T>(_event: &Event) {}

fn main() {}
