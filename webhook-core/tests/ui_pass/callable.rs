//! The function itself does not change: it can be called, named and passed on.

#![deny(warnings)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use webhook_core::{State, on_event, on_unhandled};

#[on_event("payment_intent.succeeded")]
async fn add(State(count): State<u32>) -> Result<(), std::num::TryFromIntError> {
    u8::try_from(count).map(drop)
}

#[on_unhandled]
async fn note() {}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for nothing"),
    }
}

fn main() {
    assert!(ready(add(State(1))).is_ok());
    assert!(ready(add(State(1000))).is_err());
    let named: fn() -> _ = note;
    ready(named());
}
