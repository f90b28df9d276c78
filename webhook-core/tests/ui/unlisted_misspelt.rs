use webhook_core::{Event, on_event};

#[on_event(unlisted("charge.suceeded"))]
async fn ordered(_event: Event) {}

fn main() {}
