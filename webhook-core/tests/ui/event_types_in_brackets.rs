use webhook_core::{Event, on_event};

#[on_event(["invoice.paid", "charge.succeeded"])]
async fn paid(_event: Event) {}

fn main() {}
