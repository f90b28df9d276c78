//! Handlers can have the names that the expansion itself uses.

#![deny(warnings)]

use webhook_core::{Context, Event, Registry, on_event};

#[on_event("payment_intent.succeeded")]
async fn private(_event: Event, _context: Context) {}

#[on_event("payment_intent.succeeded")]
async fn inventory(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn invocation(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn needs(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn run(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn registration(_event: Event) {}

#[on_event("payment_intent.succeeded")]
async fn webhook_core(_event: Event) {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 7);
}
