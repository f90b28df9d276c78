use webhook_core::{Event, on_event};

#[on_event(unlisted("order.created"), reply)]
async fn ordered(_event: Event) {}

fn main() {}
