use webhook_core::{Event, on_event};

#[on_event("invoice.paid", "charge.succeeded", "invoice.paid")]
async fn paid(_event: Event) {}

fn main() {}
