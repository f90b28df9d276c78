use webhook_core::{Event, on_event};

#[on_event(unlisted())]
async fn ordered(_event: Event) {}

fn main() {}
