use webhook_core::{State, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_orders: &'static mut State<Vec<String>>) {}

fn main() {}
