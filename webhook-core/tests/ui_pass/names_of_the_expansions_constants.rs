//! A handler can have the name of a constant in the expansion.

#![expect(non_snake_case, reason = "the expansion's constants are in upper case")]

use webhook_core::{Context, Event, Registry, on_event};

#[on_event("payment_intent.succeeded")]
async fn ARGUMENT_0(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn ARGUMENT_1(_event: Event, _context: Context) {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 2);
}
