use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded", order(pre = "customer"), retry(max_dealy = "1h"))]
async fn paid(_event: Event) {}

fn main() {}
