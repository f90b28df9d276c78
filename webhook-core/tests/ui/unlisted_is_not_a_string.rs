use webhook_core::{Event, on_event};

#[on_event(unlisted(order.created))]
async fn ordered(_event: Event) {}

fn main() {}
