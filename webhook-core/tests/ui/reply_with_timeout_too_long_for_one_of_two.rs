use webhook_core::{Event, Reply, on_event};

#[on_event("checkout.session.completed", "issuing_authorization.request", reply, timeout = "5s")]
async fn decide(_event: Event) -> Reply {
    todo!()
}

fn main() {}
