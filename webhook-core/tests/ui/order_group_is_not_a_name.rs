use webhook_core::{Event, on_event};

#[on_event("customer.subscription.updated", order(group = "my subscription"))]
async fn updated(_event: Event) {}

#[on_event("customer.subscription.created", order(group = ""))]
async fn created(_event: Event) {}

#[on_event("customer.subscription.deleted", order(group = subscription))]
async fn deleted(_event: Event) {}

fn main() {}
