use webhook_core::{Event, Reply, on_event};

#[on_event(unlisted("order.created"))]
async fn ordered(_event: Event) -> Reply {
    todo!()
}

fn main() {}
