use webhook_core::on_event;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: impl Send) {}

fn main() {}
