use webhook_core::{Event, on_unhandled};

#[on_unhandled(unlisted("order.created"))]
async fn ordered(_event: Event) {}

fn main() {}
