use webhook_core::on_event;

struct Shop;

trait Sell {}

#[on_event("payment_intent.succeeded")]
impl Sell for Shop {}

fn main() {}
