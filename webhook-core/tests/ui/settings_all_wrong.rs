use webhook_core::{Event, on_event};

#[on_event(invoice.paid, timout = "30s", timeout = 30, id = "a b", id = "c")]
async fn paid(_event: Event) {}

fn main() {}
