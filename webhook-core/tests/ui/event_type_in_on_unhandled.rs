use webhook_core::{Event, on_unhandled};

#[on_unhandled("invoice.paid")]
async fn note(_event: Event) {}

fn main() {}
