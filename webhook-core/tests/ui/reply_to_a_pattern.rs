use webhook_core::{Event, on_event};

#[on_event("checkout.session.*", reply)]
async fn changed(_event: Event) {}

fn main() {}
