use webhook_core::{Fresh, on_event};

#[on_event("v1.charge.succeeded", "v1.charge.*")]
async fn paid(_payment: Fresh) {}

fn main() {}
