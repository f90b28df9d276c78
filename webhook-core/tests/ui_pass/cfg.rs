//! A handler that is configured out is not registered, wherever its `cfg` is.

#![deny(warnings)]

use webhook_core::{Event, Registry, on_event};

#[cfg(any())]
#[on_event("payment_intent.succeeded")]
async fn before(_event: Event) {}

#[on_event("payment_intent.succeeded")]
#[cfg(any())]
async fn after(_event: Event) {}

#[cfg_attr(any(), on_event("payment_intent.succeeded"))]
#[expect(dead_code, reason = "not registered")]
async fn without(_event: Event) {}

#[cfg_attr(all(), on_event("payment_intent.succeeded"))]
async fn with(_event: Event) {}

#[on_event("payment_intent.succeeded")]
#[cfg(all())]
async fn kept(_event: Event) {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 2);
}
