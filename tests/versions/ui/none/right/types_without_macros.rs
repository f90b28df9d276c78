//! A library that has no handlers needs no version.
use webhook_core::Context;

fn event_id(context: &Context) -> &str {
    context.event_id()
}

fn main() {
    let _ = event_id;
}
