use webhook_core::{Fresh, on_event};

#[on_event("v1.payment_intents.*")]
async fn paid(_payment: Fresh) {}

fn main() {}
