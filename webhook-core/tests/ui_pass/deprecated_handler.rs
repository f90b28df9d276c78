//! The server can call a handler that is deprecated for other callers.

#![deny(warnings)]

use webhook_core::{Event, Registry, on_event};

#[on_event("payment_intent.succeeded")]
#[deprecated = "call `mark_paid`"]
#[must_use]
pub async fn paid(_event: Event) {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 1);
}
