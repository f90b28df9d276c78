use webhook_core::{Event, Unchecked, on_event};

struct Paid;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<Unchecked<Paid>>) {}

fn main() {}
