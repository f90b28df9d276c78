use webhook_core::{Event, Reply, on_event};

#[on_event("payment_intent.succeeded", "issuing_authorization.request")]
async fn paid(_event: Event) -> Reply {
    todo!()
}

fn main() {}
