use webhook_core::{HandlerError, Notification, Reply, on_event};

#[on_event("v1.issuing_authorization.request", reply)]
async fn decide(_notification: Notification) -> Result<Reply, HandlerError> {
    Reply::json(&())
}

fn main() {}
