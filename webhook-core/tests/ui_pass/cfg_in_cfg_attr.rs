//! A handler that a `cfg_attr` configures out is not registered.

use webhook_core::{Event, Registry, on_event};

#[on_event("payment_intent.succeeded")]
#[cfg_attr(all(), cfg(any()))]
async fn after(_event: Event) {}

#[on_event("invoice.paid")]
async fn kept(_event: Event) {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 1);
}
