use webhook_core::on_event;

#[on_event("payment_intent.succeeded")]
const PAID: u8 = 0;

fn main() {}
