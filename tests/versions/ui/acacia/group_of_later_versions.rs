use webhook_core::*;

#[on_event("billing.meter.*")]
async fn meter(_: Event) {}

#[on_event("invoice_payment")]
async fn payment(_: Event) {}

fn main() {}
