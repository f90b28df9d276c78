use webhook_core::{Notification, on_event};

#[on_event("charge.*")]
async fn charged(_notification: Notification) {}

fn main() {}
