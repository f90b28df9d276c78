use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event) -> u32 {
    0
}

fn main() {}
