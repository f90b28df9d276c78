//! The next version of `release_1`.

use std::process::ExitCode;

use webhook_server::{App, Context, HandlerError, on_event};

#[on_event("payment_intent.*", id = "kept")]
async fn kept() {}

/// Fails at first, so that it is waiting when this version is rolled back.
#[on_event("payment_intent.*", id = "added", retry(first_delay = "1s", max_delay = "1s"))]
async fn added(context: Context) -> Result<(), HandlerError> {
    if context.attempt() == 1 { Err(HandlerError::retry("not at the first time")) } else { Ok(()) }
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
