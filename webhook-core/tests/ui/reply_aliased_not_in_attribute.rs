use webhook_core::{Event, HandlerError, Reply, on_event};

type Answer = Result<Reply, HandlerError>;

#[on_event("checkout.session.completed")]
async fn paid(_event: Event) -> Answer {
    Reply::json(&())
}

fn main() {}
