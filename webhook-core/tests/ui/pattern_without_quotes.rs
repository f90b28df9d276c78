use webhook_core::{Event, on_event};

#[on_event(charge.dispute.*)]
async fn paid(_event: Event) {}

fn main() {}
