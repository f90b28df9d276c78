use webhook_core::{Event, on_event};

#[on_event("invoice_payment.paid")]
async fn paid(event: Event) {}

fn main() {}
