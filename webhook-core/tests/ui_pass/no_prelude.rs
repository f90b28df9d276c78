//! A crate without a prelude.

#![no_implicit_prelude]
#![deny(warnings)]

use ::core::result::Result;
use ::webhook_core::{Event, HandlerError, Registry, State, on_event};

#[on_event("payment_intent.succeeded", timeout = "30s", id = "paid", retry(attempts = 3, first_delay = "9s"), order(strict, per = "customer", group = "one"))]
async fn paid(_event: Event, _count: State<u32>) -> Result<(), HandlerError> {
    Result::Ok(())
}

fn main() {
    ::core::assert_eq!(Registry::linked().registrations().len(), 1);
}
