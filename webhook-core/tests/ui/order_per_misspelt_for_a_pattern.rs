use webhook_core::{Event, on_event};

#[on_event("account.external_account.*", order(per = "custmer"))]
async fn changed(_event: Event) {}

fn main() {}
