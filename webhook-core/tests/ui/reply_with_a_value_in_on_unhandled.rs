use webhook_core::{Event, on_unhandled};

#[on_unhandled(reply = true)]
async fn note(_event: Event) {}

fn main() {}
