use webhook_core::{Event, Reply, on_event};

#[on_event("payment_intent.succeeded", timeout = "1s")]
async fn paid(_event: Event) -> Reply {
    todo!()
}

fn main() {}
