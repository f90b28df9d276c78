use webhook_core::on_event;

#[on_event("payment_intent.succeeded")]
/// What was paid.
#[derive(Debug)]
pub struct Paid;

fn main() {}
