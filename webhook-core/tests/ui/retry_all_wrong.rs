use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", retry(max = 0, first = "1ms", cap = 3, mux = 1), order = "strict")]
async fn paid(_event: Event) {}

fn main() {}
