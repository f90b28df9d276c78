use webhook_core::{Event, on_event};

#[on_event("account.external_account.*", order_by = "custmer")]
async fn changed(_event: Event) {}

fn main() {}
