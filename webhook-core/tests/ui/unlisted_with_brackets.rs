use webhook_core::{Event, on_event};

#[on_event(unlisted("v2.core.account[requirements].updated"))]
async fn ordered(_event: Event) {}

fn main() {}
