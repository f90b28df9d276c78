use webhook_core::{Event, on_event};

#[on_event(unlisted("v2.order.created"))]
async fn ordered(_event: Event) {}

fn main() {}
