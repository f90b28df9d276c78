use webhook_core::{Event, Reply, on_event};

#[on_event("issuing_authorization.request", timeout = "1s")]
async fn decide(_event: Event) -> Result<Reply, std::fmt::Error> {
    todo!()
}

fn main() {}
