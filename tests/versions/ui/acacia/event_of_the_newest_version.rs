use webhook_core::{Event, on_event};

#[on_event("apps.install.created")]
async fn installed(event: Event) {}

fn main() {}
