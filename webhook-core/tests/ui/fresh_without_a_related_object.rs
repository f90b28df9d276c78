use webhook_core::{Fresh, on_event};

#[on_event("v1.invoice.upcoming")]
async fn upcoming(_invoice: Fresh) {}

fn main() {}
