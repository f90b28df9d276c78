use webhook_core::{Fresh, HandlerError, on_event};

#[on_event("v1.payment_intent.succeeded")]
async fn paid(_payment: Result<Fresh, HandlerError>) {}

fn main() {}
