use webhook_core::Event;

#[webhook_core::on_event("payment_intent.succeeded")]
/// Notes a payment.
#[webhook_core::on_event("invoice.paid")]
async fn paid(_event: Event) {}

fn main() {}
