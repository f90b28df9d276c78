use webhook_core::{Event, on_event};

#[on_event("recipient.created")]
async fn created(event: Event) {}

fn main() {}
