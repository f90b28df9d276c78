use webhook_core::{Event, on_event};

#[on_event("issuing_authorization.request", reply)]
async fn decide(_event: Event) -> u32 {
    0
}

fn main() {}
