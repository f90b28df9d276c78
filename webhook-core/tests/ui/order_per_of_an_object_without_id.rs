use webhook_core::{Event, on_event};

#[on_event("balance.available", order(per = "id"))]
async fn changed(_event: Event) {}

fn main() {}
