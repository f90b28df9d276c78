use webhook_core::{Fresh, on_event};

#[on_event("payment_intent.succeeded", "v1.payment_intent.succeeded", order(per = "customer"))]
async fn paid(_payment: Fresh) {}

fn main() {}
