//! A handler can return any error: boxed, wrapped, or of a type that converts into one.

use std::error::Error;
use std::fmt;

use webhook_core::{HandlerError, Outcome, Registry, ResultExt, on_event};

/// What `anyhow::Error` is: no error itself, but convertible into a boxed one.
struct Anyhow(Box<dyn Error + Send + Sync>);

impl From<Anyhow> for Box<dyn Error + Send + Sync> {
    fn from(error: Anyhow) -> Self {
        error.0
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Anyhow {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

#[derive(Debug)]
enum Own {
    Never,
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("own")
    }
}

impl Error for Own {}

#[on_event("payment_intent.succeeded")]
async fn anyhow() -> Result<(), Anyhow> {
    "7".parse::<u8>()?;
    Ok(())
}

#[on_event("payment_intent.succeeded")]
async fn boxed() -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
    Err("text")?
}

#[on_event("payment_intent.succeeded")]
async fn own() -> Result<(), Own> {
    Err(Own::Never)
}

#[on_event("payment_intent.succeeded")]
async fn infallible() -> Result<(), std::convert::Infallible> {
    Ok(())
}

#[on_event("payment_intent.succeeded")]
async fn text() -> Result<(), &'static str> {
    Err("text")
}

#[on_event("payment_intent.succeeded")]
async fn judged() -> Outcome {
    "seven".parse::<u8>().park()?;
    Err(HandlerError::skip("nothing"))
}

#[on_event("payment_intent.succeeded")]
async fn panics() {
    panic!("always")
}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 7);
}
