use webhook_core::{Event, on_unhandled};

#[on_unhandled(order(strict, weight = 2, by = "customer"))]
async fn note(_event: Event) {}

fn main() {}
