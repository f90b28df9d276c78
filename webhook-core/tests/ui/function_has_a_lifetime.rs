use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid<'a>(_event: Event<&'a str>) {}

fn main() {}
