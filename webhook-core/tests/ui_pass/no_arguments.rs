//! A handler need not take any argument.

use webhook_core::{Registry, on_event, on_unhandled};

#[rustfmt::skip] // It would remove the comma.
#[on_event("payment_intent.succeeded",)]
async fn paid() {}

#[on_unhandled]
async fn other() {}

#[on_unhandled()]
async fn another() {}

fn main() {
    let registry = Registry::linked();
    assert_eq!(registry.registrations().len(), 3);
    assert_eq!(registry.registrations()[0].needs().payload, None);
}
