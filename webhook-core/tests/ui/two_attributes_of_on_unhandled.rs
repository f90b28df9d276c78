use webhook_core::{Event, on_unhandled};

#[on_unhandled]
#[on_unhandled]
async fn note(_event: Event) {}

fn main() {}
