use webhook_core::{Event, on_unhandled};

#[on_unhandled(order())]
async fn note(_event: Event) {}

fn main() {}
