use webhook_core::{Notification, on_event};

#[on_event("v1.invoice.upcoming")]
async fn upcoming(_notification: Option<Notification>) {}

fn main() {}
