//! A server of which `release_2` is the next version: that one has another handler instead of `dropped`.

use std::process::ExitCode;

use webhook_server::{App, Context, HandlerError, on_event};

#[on_event("payment_intent.*", id = "kept")]
async fn kept() {}

/// Fails at first, so that it is waiting when the next version is deployed.
#[on_event("payment_intent.*", id = "dropped", retry(first_delay = "1s", max_delay = "1s"))]
async fn dropped(context: Context) -> Result<(), HandlerError> {
    if context.attempt() == 1 { Err(HandlerError::retry("not at the first time")) } else { Ok(()) }
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
