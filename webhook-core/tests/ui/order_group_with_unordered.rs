use webhook_core::{Event, on_event};

#[on_event("customer.subscription.updated", order(unordered, group = "subscription"))]
async fn updated(_event: Event) {}

fn main() {}
