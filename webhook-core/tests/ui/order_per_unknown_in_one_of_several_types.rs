use webhook_core::{Event, on_event};

#[on_event("charge.succeeded", "charge.refund.updated", order(per = "receipt_email"))]
async fn paid(_event: Event) {}

fn main() {}
