use webhook_core::*;

#[on_event("invoice.paid", order(strict, per = "parent.subscription_details.subscription"))]
async fn paid(_: Event) {}

fn main() {}
