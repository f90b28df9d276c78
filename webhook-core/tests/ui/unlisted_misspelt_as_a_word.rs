use webhook_core::{Event, on_event};

#[on_event(unlsted("order.created"))]
async fn ordered(_event: Event) {}

fn main() {}
