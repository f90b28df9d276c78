use webhook_core::{Event, on_event};

#[on_event(INVOICE_PAID)]
async fn paid(_event: Event) {}

fn main() {}
