use webhook_core::{Event, on_unhandled};

#[on_unhandled(endpoint = "")]
async fn paid(_event: Event) {}

fn main() {}
