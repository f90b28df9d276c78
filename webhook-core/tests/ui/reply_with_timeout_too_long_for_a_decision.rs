use webhook_core::{Event, Reply, on_event};

#[on_event("issuing_authorization.request", reply, timeout = "2001ms")]
async fn decide(_event: Event) -> Reply {
    todo!()
}

fn main() {}
